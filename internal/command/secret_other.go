//go:build !linux && !windows

package command

import "os"

// hideTyping says that f is no terminal whose echo this build can turn off.
func hideTyping(*os.File) (restore func(), ok bool) { return nil, false }
