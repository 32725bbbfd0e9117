package home

import (
	"os"

	"golang.org/x/sys/windows"
)

func lock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{})
}

// private: Windows has no modes; the directory's list of rights is set by
// protect and what is in it inherits that.
func private(string) error { return nil }

// protect leaves the directory to the system, administrators and its owner.
// Nothing is inherited from above: C:\ProgramData lets every user read.
func protect(dir string) error {
	sd, err := windows.SecurityDescriptorFromString("D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)")
	if err != nil {
		return err
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
}

// syncDir: Windows keeps its directories by itself.
func syncDir(string) error { return nil }

// likeDir: rights are inherited from the directory.
func likeDir(*os.File, string) error { return nil }
