package trace

import (
	"path"
	"strings"
)

// closedFolders hold what programs have nothing to do with each other over:
// what is asked for in one of them is named by itself, never by the folder.
// What is below them is judged by itself. A folder that holds one of them is one
// too.
var closedFolders = []string{
	"/", "/boot", "/dev", "/etc", "/etc/ssl/private", "/etc/sudoers.d", "/home", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/srv", "/sys",
	"/tmp", "/var", "/var/backups", "/var/lib", "/var/log", "/var/mail", "/var/run", "/var/spool", "/var/spool/cron", "/var/tmp",
}

// Closed reports whether a folder is never proposed for what is in it: the
// well-known ones, the home directory and what holds it, a folder of home that
// begins with a dot (keys, tokens, histories), and /proc and /sys with all that
// is below them. dir is canonical.
func Closed(dir, home string) bool {
	for _, c := range closedFolders {
		if dir == c || strings.HasPrefix(c, dir+"/") {
			return true
		}
	}
	for _, tree := range []string{"/proc/", "/sys/", "/dev/"} {
		if strings.HasPrefix(dir, tree) {
			return true
		}
	}
	if home == "" || home == "/" {
		return false
	}
	return dir == home || strings.HasPrefix(home, dir+"/") ||
		path.Dir(dir) == home && strings.HasPrefix(path.Base(dir), ".")
}
