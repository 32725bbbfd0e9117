//go:build linux

package forgetful

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Mount shows the disk at dir, which must be an empty directory. The process
// that mounts must not itself map files of it into its memory: it could wait
// for itself for ever. unmount may be called once all users are gone.
func (d *Disk) Mount(dir string) (unmount func() error, err error) {
	keep := time.Second // nobody else changes the disk
	server, err := fs.Mount(dir, &inode{d: d, n: d.root}, &fs.Options{EntryTimeout: &keep, AttrTimeout: &keep, NullPermissions: true,
		MountOptions: fuse.MountOptions{DirectMount: true, DisableXAttrs: true, FsName: "forgetful", Name: "forgetful"}})
	if err != nil {
		return nil, fmt.Errorf("forgetful: mounting: %w", err)
	}
	return func() error {
		var err error
		for range 200 { // a process that was killed may still be closing its files
			if err = server.Unmount(); err == nil {
				return nil
			}
			time.Sleep(10 * time.Millisecond)
		}
		return fmt.Errorf("forgetful: unmounting: %w", err)
	}, nil
}

// inode is a node as one mount shows it.
type inode struct {
	fs.Inode
	d *Disk
	n *node
}

func (i *inode) attr(a *fuse.Attr) {
	a.Ino, a.Mode, a.Size, a.Nlink = i.n.id, i.n.mode, uint64(len(i.n.data)), 1
	a.Blksize, a.Blocks = 4096, (a.Size+511)/512
}

func (i *inode) child(ctx context.Context, n *node, out *fuse.EntryOut) *fs.Inode {
	c := &inode{d: i.d, n: n}
	c.attr(&out.Attr)
	return i.NewInode(ctx, c, fs.StableAttr{Mode: n.mode, Ino: n.id})
}

// Lookup finds a name.
func (i *inode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	if i.d.off {
		return nil, syscall.EIO
	}
	n := i.n.entries[name]
	if n == nil {
		return nil, syscall.ENOENT
	}
	return i.child(ctx, n, out), 0
}

// Getattr tells size and mode.
func (i *inode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	i.attr(&out.Attr)
	return 0
}

// Setattr truncates and changes the mode, which is as durable as names are.
func (i *inode) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	if size, ok := in.GetSize(); ok {
		if errno := i.d.enter("truncate", i.n); errno != 0 {
			return errno
		}
		i.n.truncate(int64(size))
	}
	if mode, ok := in.GetMode(); ok {
		i.n.mode = i.n.mode&syscall.S_IFMT | mode&0o7777
	}
	i.attr(&out.Attr)
	return 0
}

// Open opens a file.
func (i *inode) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	return nil, fuse.FOPEN_KEEP_CACHE, i.d.enter("open", i.n)
}

// Read reads what processes see.
func (i *inode) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	if errno := i.d.enter("read", i.n); errno != 0 {
		return nil, errno
	}
	if off >= int64(len(i.n.data)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, i.n.data[off:])]), 0
}

// Write writes; nothing of it is durable yet.
func (i *inode) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	if errno := i.d.enter("write", i.n); errno != 0 {
		return 0, errno
	}
	i.n.write(off, data)
	return uint32(len(data)), 0
}

// Fsync makes a file or a directory durable.
func (i *inode) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	if errno := i.d.enter("fsync", i.n); errno != 0 {
		return errno
	}
	i.d.sync(i.n)
	return 0
}

// Flush is a close. It makes nothing durable.
func (i *inode) Flush(context.Context, fs.FileHandle) syscall.Errno {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	return i.d.enter("flush", i.n)
}

func (i *inode) make(ctx context.Context, call, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	n := i.d.node(mode, name)
	if errno := i.d.enter(call, n); errno != 0 {
		return nil, errno
	}
	if i.n.entries[name] != nil {
		return nil, syscall.EEXIST
	}
	i.n.rename(entryChange{name: n})
	return i.child(ctx, n, out), 0
}

// Create makes a file and opens it.
func (i *inode) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	n, errno := i.make(ctx, "create", name, syscall.S_IFREG|mode&0o7777, out)
	return n, nil, fuse.FOPEN_KEEP_CACHE, errno
}

// Mknod makes a socket or a file.
func (i *inode) Mknod(ctx context.Context, name string, mode, _ uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return i.make(ctx, "create", name, mode, out)
}

// Mkdir makes a directory.
func (i *inode) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return i.make(ctx, "mkdir", name, syscall.S_IFDIR|mode&0o7777, out)
}

// Unlink removes a name.
func (i *inode) Unlink(_ context.Context, name string) syscall.Errno {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	n := i.n.entries[name]
	if n == nil {
		return syscall.ENOENT
	}
	if errno := i.d.enter("unlink", n); errno != 0 {
		return errno
	}
	i.n.rename(entryChange{name: nil})
	return 0
}

// Rmdir removes an empty directory.
func (i *inode) Rmdir(ctx context.Context, name string) syscall.Errno {
	i.d.mu.Lock()
	n := i.n.entries[name]
	i.d.mu.Unlock()
	if n != nil && len(n.entries) > 0 {
		return syscall.ENOTEMPTY
	}
	return i.Unlink(ctx, name)
}

// Rename renames within a directory; between directories it is EXDEV, so that
// a change of names is always one directory's.
func (i *inode) Rename(_ context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	other, ok := to.(*inode)
	n := i.n.entries[name]
	switch {
	case !ok || other.n != i.n:
		return syscall.EXDEV
	case flags != 0:
		return syscall.EINVAL
	case n == nil:
		return syscall.ENOENT
	}
	if errno := i.d.enter("rename", n); errno != 0 {
		return errno
	}
	i.n.rename(entryChange{name: nil, newName: n})
	n.name = newName
	return 0
}

// Readdir lists names.
func (i *inode) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	i.d.mu.Lock()
	defer i.d.mu.Unlock()
	var list []fuse.DirEntry
	for _, name := range slices.Sorted(maps.Keys(i.n.entries)) {
		n := i.n.entries[name]
		list = append(list, fuse.DirEntry{Name: name, Mode: n.mode, Ino: n.id})
	}
	return fs.NewListDirStream(list), 0
}

// Statfs says that there is room.
func (i *inode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize, out.Frsize, out.NameLen = 4096, 4096, 255
	out.Blocks, out.Bfree, out.Bavail = 1<<20, 1<<20, 1<<20
	out.Files, out.Ffree = 1<<20, 1<<20
	return 0
}
