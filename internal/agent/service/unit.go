package service

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Paths on a system with systemd.
const (
	BinaryPath = "/usr/local/lib/lienthong/lienthong"
	unitPath   = "/etc/systemd/system/" + Name + ".service"
	usersPath  = "/etc/sysusers.d/" + Name + ".conf"
	statePath  = "/var/lib/" + Name
	linkPath   = "/usr/local/bin/lienthong"
)

// Unit returns the systemd unit. It starts with the machine, is started again
// whenever it ends, and may write to its own directory and the folders named,
// nowhere else. Faults: service.path, service.user.
func Unit(c Config) (string, error) {
	c, err := c.withDefaults()
	if err != nil {
		return "", err
	}
	state := filepath.Clean(c.Dir) == statePath
	if c.User == Dynamic && !state {
		return "", ErrUser // a user made up at the start owns nothing but its state directory
	}
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	line("# Written by lienthong agent install; lienthong agent uninstall removes it.")
	line("[Unit]\nDescription=Lien Thong agent\nWants=network-online.target\nAfter=network-online.target pcscd.socket")
	line("StartLimitIntervalSec=0\n\n[Service]\nType=exec")
	line("ExecStart=%s agent run --dir %s", BinaryPath, quoted(c.Dir))
	line("Restart=always\nRestartSec=5\nTimeoutStopSec=60")
	line("# HTTPS_PROXY and the like, where the proxy setting of agent.json is empty.\nEnvironmentFile=-/etc/default/%s", Name)
	if c.User == Dynamic {
		line("DynamicUser=yes")
	} else {
		line("User=%s", c.User)
	}
	if state {
		line("StateDirectory=%s\nStateDirectoryMode=0700", Name)
	} else {
		line("ReadWritePaths=%s", quoted(c.Dir))
	}
	for _, path := range c.Writes {
		line("ReadWritePaths=-%s", quoted(path))
	}
	line("UMask=0077\nLimitCORE=0\nNoNewPrivileges=yes\nProtectSystem=strict\nProtectHome=%s\nPrivateTmp=yes", protectHome(c))
	line("ProtectKernelTunables=yes\nProtectKernelModules=yes\nProtectKernelLogs=yes\nProtectControlGroups=yes\nProtectClock=yes\nProtectHostname=yes\nProtectProc=invisible")
	line("RestrictNamespaces=yes\nRestrictRealtime=yes\nRestrictSUIDSGID=yes\nLockPersonality=yes\nRemoveIPC=yes")
	line("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\nSystemCallArchitectures=native\nSystemCallFilter=@system-service\nSystemCallErrorNumber=EPERM")
	if c.Token {
		line("# A token's library is its maker's: it may map code and open devices.")
	} else {
		line("PrivateDevices=yes\nMemoryDenyWriteExecute=yes")
	}
	if c.LowPort {
		line("AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE")
	} else {
		line("CapabilityBoundingSet=")
	}
	line("\n[Install]\nWantedBy=multi-user.target")
	return b.String(), nil
}

// quoted is a path as systemd reads it back (systemd.syntax, systemd.unit
// "Specifiers"); quotes and controls were refused before.
func quoted(path string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(path, `\`, `\\`), "%", "%%") + `"`
}

// protectHome hides the homes of people unless something to be read is in one.
func protectHome(c Config) string {
	in := func(path string) bool {
		for _, home := range []string{"/home/", "/root/", "/run/user/"} {
			if strings.HasPrefix(filepath.Clean(path)+"/", home) {
				return true
			}
		}
		return false
	}
	for _, path := range append(c.Writes, c.Dir) {
		if in(path) {
			return "no"
		}
	}
	for _, path := range c.Reads {
		if in(path) {
			return "read-only"
		}
	}
	return "yes"
}
