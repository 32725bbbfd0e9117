package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

// account is the service's own virtual account: Windows makes it with the service,
// it has no password and no rights but those given below.
const account = `NT SERVICE\` + Name

func binaryPath() string {
	dir := os.Getenv("ProgramFiles")
	if dir == "" {
		dir = `C:\Program Files`
	}
	return filepath.Join(dir, "Lienthong", "lienthong.exe")
}

// Install copies the program, makes the service and starts it. It starts with the
// machine, before anybody logs in, and again when it ends. Faults: service.path,
// service.user, service.install.
func Install(ctx context.Context, c Config) error {
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	m, err := mgr.Connect()
	if err != nil {
		return ErrInstall.Because(err)
	}
	err = install(ctx, m, c)
	return errors.Join(err, m.Disconnect())
}

func install(ctx context.Context, m *mgr.Mgr, c Config) error {
	who := account
	if c.User != Name && c.User != Dynamic {
		who = c.User
	}
	if old, err := m.OpenService(Name); err == nil {
		err = errors.Join(stop(ctx, old), old.Delete(), old.Close())
		if err != nil {
			return ErrInstall.Because(err)
		}
	}
	program := binaryPath()
	if err := placeAll(c.Binary, program, ".exe"); err != nil {
		return ErrInstall.Because(err)
	}
	s, err := m.CreateService(Name, program, mgr.Config{
		DisplayName: "Liên Thông agent", Description: "Sends the facility's files to its hub.",
		StartType: mgr.StartAutomatic, DelayedAutoStart: true, ServiceStartName: who, SidType: windows.SERVICE_SID_TYPE_UNRESTRICTED,
	}, "agent", "run", "--dir", c.Dir)
	if err != nil {
		return ErrInstall.Because(err)
	}
	again := mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: 5 * time.Second}
	err = s.SetRecoveryActions([]mgr.RecoveryAction{again, again, again}, 24*60*60)
	if err == nil {
		err = s.SetRecoveryActionsOnNonCrashFailures(true)
	}
	for _, path := range append([]string{c.Dir}, c.Writes...) {
		if err == nil {
			err = grant(ctx, path, who, "(OI)(CI)M")
		}
	}
	for _, path := range c.Reads {
		if err == nil {
			err = grant(ctx, path, who, "R")
		}
	}
	if err == nil {
		err = s.Start()
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return ErrInstall.Because(err)
	}
	return nil
}

// grant adds an entry to a path's list of rights.
func grant(ctx context.Context, path, who, rights string) error {
	if out, err := exec.CommandContext(ctx, "icacls", path, "/grant", who+":"+rights).CombinedOutput(); err != nil {
		return fmt.Errorf("icacls: %w: %.300s", err, out)
	}
	return nil
}

// Uninstall stops and removes the service and its program. The agent's directory
// stays. Fault: service.install.
func Uninstall(ctx context.Context, _ string) error {
	m, err := mgr.Connect()
	if err != nil {
		return ErrInstall.Because(err)
	}
	s, err := m.OpenService(Name)
	if err == nil {
		err = errors.Join(stop(ctx, s), s.Delete(), s.Close())
	} else if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		err = nil
	}
	err = errors.Join(err, m.Disconnect())
	if err == nil {
		err = os.RemoveAll(filepath.Dir(binaryPath()))
	}
	if err != nil {
		return ErrInstall.Because(err)
	}
	return nil
}

// stop stops a service and waits until it has; one that does not run is stopped.
func stop(ctx context.Context, s *mgr.Service) error {
	at, err := s.Control(svc.Stop)
	if errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
		return nil
	}
	for err == nil && at.State != svc.Stopped {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		at, err = s.Query()
	}
	return err
}

// StatusOf asks the service manager.
func StatusOf(_ context.Context, _ string) (Status, error) {
	m, err := mgr.Connect()
	if err != nil {
		return Status{}, ErrInstall.Because(err)
	}
	out := Status{}
	if s, e := m.OpenService(Name); e == nil {
		out.Installed, out.Binary = true, binaryPath()
		if at, e := s.Query(); e == nil {
			out.Running = at.State == svc.Running
		}
		if c, e := s.Config(); e == nil {
			out.Enabled = c.StartType == mgr.StartAutomatic
		}
		err = s.Close()
	}
	return out, errors.Join(err, m.Disconnect())
}

// Restart starts the service anew. Fault: service.install.
func Restart(ctx context.Context) error {
	m, err := mgr.Connect()
	if err != nil {
		return ErrInstall.Because(err)
	}
	s, err := m.OpenService(Name)
	if err == nil {
		if err = stop(ctx, s); err == nil {
			err = s.Start()
		}
		err = errors.Join(err, s.Close())
	}
	if err = errors.Join(err, m.Disconnect()); err != nil {
		return ErrInstall.Because(err)
	}
	return nil
}

// Run runs the agent until ctx ends or, started by the service manager, until that
// says stop.
func Run(ctx context.Context, agent func(context.Context) error) error {
	service, err := svc.IsWindowsService()
	if err != nil {
		return ErrInstall.Because(err)
	}
	if !service {
		return agent(ctx)
	}
	h := &handler{ctx: ctx, agent: agent}
	return errors.Join(svc.Run(Name, h), h.err)
}

// handler answers the service manager.
type handler struct {
	ctx   context.Context
	agent func(context.Context) error
	err   error
}

// Execute implements svc.Handler. An agent that ended by itself is a failure, so
// that the manager starts it again.
func (h *handler) Execute(_ []string, asked <-chan svc.ChangeRequest, say chan<- svc.Status) (specific bool, code uint32) {
	const takes = svc.AcceptStop | svc.AcceptShutdown
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- h.agent(ctx) }()
	say <- svc.Status{State: svc.Running, Accepts: takes}
	for {
		select {
		case h.err = <-done:
			if h.err == nil || ctx.Err() != nil {
				return false, 0
			}
			return true, 1
		case r := <-asked:
			switch r.Cmd {
			case svc.Interrogate:
				say <- r.CurrentStatus
			case svc.Stop, svc.Shutdown:
				say <- svc.Status{State: svc.StopPending}
				cancel()
			}
		}
	}
}
