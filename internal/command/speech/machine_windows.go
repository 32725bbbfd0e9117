package speech

import "golang.org/x/sys/windows"

// Machine is the language the system's own windows are in.
func Machine() string {
	names, err := windows.GetUserPreferredUILanguages(windows.MUI_LANGUAGE_NAME)
	if err != nil || len(names) == 0 {
		return ""
	}
	return names[0]
}
