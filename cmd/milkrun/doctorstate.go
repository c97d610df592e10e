package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"milkrun/state"
	"milkrun/sync/kind"
)

const onState = "state"

// What a disk and a log must have, or must not.
const (
	leastSpace  = 64 << 20 // bytes
	littleSpace = 512 << 20
	leastFiles  = 1000
	largeLog    = 64 << 20
)

// examineState looks at the file of the state, at what lies beside it, at the disk, and into it.
func (d *doctor) examineState(ctx context.Context) {
	path := d.app.stateFile()
	info, err := os.Stat(path)
	d.examineDisk(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) && !there(path+"-wal") {
		d.add(onState, kind.Found(kind.Warning, "file", "%s is not there", path).
			WithRemedy("the first run makes it; is it the daemon's? --state names another one"))
		return
	}
	if err == nil {
		d.examineFile(path, info)
		d.examineLog(path)
	}
	if d.storeErr != nil {
		d.failed(onState, "file", d.storeErr)
		return
	}
	d.examineContent(ctx)
}

// examineFile looks whose the file is and who may open it.
func (d *doctor) examineFile(path string, info fs.FileInfo) {
	d.good(onState, "file", "%s: %s, mode %04o, of %s", path, inBytes(info.Size()), info.Mode().Perm(), owner(info))
	if info.Mode().Perm()&0o077 != 0 {
		d.add(onState, kind.Found(kind.Warning, "mode", "others may open %s (mode %04o)", path, info.Mode().Perm()).WithRemedy("chmod 600 %s", path))
	}
	if stat, known := info.Sys().(*syscall.Stat_t); known && stat.Nlink > 1 {
		d.add(onState, kind.Found(kind.Warning, "names", "%s has another name: a restore was cut short, or somebody linked it", path).
			WithRemedy("use it under this name only; find %s -samefile %s shows the other one, which can be removed", filepath.Dir(path), path))
	}
	for _, suffix := range []string{"-wal", "-shm", ".lock"} {
		beside, err := os.Stat(path + suffix)
		if err == nil && owner(beside) != owner(info) {
			d.add(onState, kind.Found(kind.Bad, "owner", "%s belongs to %s: the daemon, as %s, cannot open it", path+suffix, owner(beside), owner(info)).
				WithRemedy("chown --reference=%s %s", path, path+suffix))
		}
	}
	if folder, err := os.Stat(filepath.Dir(path)); err == nil && folder.Mode().Perm()&0o022 != 0 && folder.Mode()&fs.ModeSticky == 0 {
		d.add(onState, kind.Found(kind.Warning, "mode", "others may replace files in %s (mode %04o)", filepath.Dir(path), folder.Mode().Perm()).
			WithRemedy("chmod go-w %s", filepath.Dir(path)))
	}
}

// owner is the name of the user a file belongs to.
func owner(info fs.FileInfo) string {
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return "?"
	}
	id := strconv.FormatUint(uint64(stat.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

// examineLog looks at the write-ahead log, which grows while somebody keeps reading.
func (d *doctor) examineLog(path string) {
	info, err := os.Stat(path + "-wal")
	if err == nil && info.Size() > largeLog {
		d.add(onState, kind.Found(kind.Warning, "log", "its log has grown to %s", inBytes(info.Size())).
			WithRemedy("something has been reading the file for long, a sqlite3 shell perhaps: end it, and the log is merged"))
	}
}

// examineDisk looks how much room there is.
func (d *doctor) examineDisk(folder string) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		d.add(onState, kind.Failed("disk", fmt.Errorf("%s: %w", folder, err)).WithRemedy("make the folder, and give it to the user of the daemon"))
		return
	}
	free := int64(disk.Bavail) * disk.Bsize
	text := fmt.Sprintf("%s are free on the disk of %s", inBytes(free), folder)
	const remedy = "make room, or move the state to another disk; on a full disk no run begins"
	switch {
	case free < leastSpace:
		d.add(onState, kind.Found(kind.Bad, "disk", "%s", text).WithRemedy(remedy))
	case free < littleSpace:
		d.add(onState, kind.Found(kind.Warning, "disk", "%s", text).WithRemedy(remedy))
	default:
		d.good(onState, "disk", "%s", text)
	}
	if disk.Files > 0 && disk.Ffree < leastFiles {
		d.add(onState, kind.Found(kind.Bad, "disk", "%d files more can be made on the disk of %s (inodes)", disk.Ffree, folder).
			WithRemedy("remove files that nobody needs: df -i shows the disk"))
	}
}

// examineContent reads the file: with --deep completely.
func (d *doctor) examineContent(ctx context.Context) {
	version, err := d.store.Layout(ctx)
	if err == nil {
		err = d.store.Check(ctx, !d.deep)
	}
	if err != nil {
		d.failed(onState, "content", err)
		return
	}
	how := "looked through"
	if d.deep {
		how = "read completely"
	}
	d.good(onState, "content", "layout %d, %s, no damage", version, how)
	newest, err := d.store.Newest(ctx)
	switch ahead := newest.Sub(d.now); {
	case err != nil:
		d.failed(onState, "clock", err)
	case ahead > slack:
		d.add(onMachine, kind.Found(kind.Bad, "clock", "this machine's clock is %s behind the latest moment in the state file", shortly(ahead)).
			WithRemedy("set the clock right (timedatectl): until it gets there, no slot is due; if it was ahead before, wait"))
	}
}

// report keeps the error of a look into the state file, and says whether there was one.
func (d *doctor) report(check string, err error) bool {
	if err != nil {
		d.failed(onState, check, err)
	}
	return err != nil
}

// holder is who has the lock of the state file.
func (d *doctor) holder() (pid int, held bool) { return state.Holder(d.app.stateFile()) }
