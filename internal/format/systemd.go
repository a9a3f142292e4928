package format

import (
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/printed"
	"github.com/unveil-run/unveil-run/pledge"
	"github.com/unveil-run/unveil-run/unveil"
)

// newerCalls are calls that systemd 252 does not know, and would only warn of.
var newerCalls = []string{
	"cachestat", "fchmodat2", "file_getattr", "file_setattr", "futex_requeue", "futex_wait", "futex_wake", "getxattrat", "listmount", "listxattrat",
	"lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "map_shadow_stack", "mseal", "open_tree_attr", "removexattrat", "setxattrat", "statmount",
	"uretprobe", "uprobe",
}

// systemd writes a drop-in of a service.
func systemd(b *Box) (string, []string, error) {
	var l lost
	var w strings.Builder
	w.WriteString("[Service]\n")
	set := func(key string, values ...string) { w.WriteString(key + "=" + strings.Join(values, " ") + "\n") }
	set("NoNewPrivileges", "yes")
	set("RestrictNamespaces", "yes")
	set("RestrictSUIDSGID", "yes")
	set("KeyringMode", "private")
	set("ProtectKernelModules", "yes")
	set("ProtectKernelTunables", "yes")
	set("ProtectControlGroups", "yes")
	caps := make([]string, len(b.Caps))
	for i, c := range b.Caps {
		caps[i] = "CAP_" + c
	}
	set("CapabilityBoundingSet", caps...)

	// Paths: what may be written, and what is hidden. NoExecPaths would say what
	// may be executed, but takes libraries for it too.
	set("ProtectSystem", "strict")
	var write, hide []string
	path := func(to *[]string, path, what string) {
		if !systemdHolds(path) {
			l.add("not said: that %s is %s, whose name no unit can hold", printed.Word(path), what)
			return
		}
		*to = append(*to, systemdQuote("-"+filepath.Clean(path))) // it may be missing
	}
	for _, e := range b.Entries {
		switch {
		case e.Letters == 0:
			path(&hide, e.Path, "hidden")
		case hasWrites(e.Letters):
			path(&write, e.Path, "written")
		}
	}
	for _, r := range b.Rights {
		if r.Access&(unveil.WriteFile|unveil.Changes()) != 0 {
			path(&write, r.Path, "written")
		}
	}
	list(set, "ReadWritePaths", write)
	list(set, "InaccessiblePaths", hide)
	if b.Tmp {
		set("PrivateTmp", "yes")
	}
	l.add("not said: that other paths than those of unveil cannot be read or executed; systemd hides what it is told, and no more")
	l.add("not said: that /dev and /proc are not written, and that what has w without c has nothing made or removed in it")
	l.scopes(b)

	// Network.
	families := addressFamilies(b.Calls)
	if len(families) == 0 {
		families = []string{"none"}
	}
	set("RestrictAddressFamilies", families...)
	if b.Listed {
		set("SocketBindDeny", "any")
		for _, p := range b.Bind {
			proto, ports, _ := strings.Cut(p.String(), ":")
			if ports == "*" {
				ports = "1-65535"
			}
			set("SocketBindAllow", proto+":"+ports)
		}
		l.network(&Box{Listed: true, Connect: b.Connect, Bind: b.Bind})
	}
	for _, u := range b.Unix {
		l.add("not said: unix %s", printed.Word(u))
	}

	// System calls.
	l.execpromises(b)
	set("SystemCallArchitectures", "native")
	set("SystemCallErrorNumber", "EPERM")
	var calls, partly []string
	for _, a := range b.Calls {
		if slices.Contains(newerCalls, a.Call) {
			continue
		}
		if a.Allow || len(a.When) > 0 {
			calls = append(calls, a.Call)
		}
		if len(a.When) > 0 {
			partly = append(partly, a.Call)
		}
	}
	list(set, "SystemCallFilter", calls)
	l.add("not said: the arguments of %s, which are allowed whatever these are", strings.Join(partly, " "))

	for _, v := range b.Env {
		switch {
		case !systemdHolds(v):
			l.add("not said: env %s, which no unit can hold", printed.Word(v))
		case strings.Contains(v, "="):
			set("Environment", systemdQuote(v))
		default:
			set("PassEnvironment", systemdQuote(v))
		}
	}
	return w.String(), l, nil
}

// addressFamilies returns those that socket(2) allows in some form.
func addressFamilies(calls []pledge.CallAnswer) (names []string) {
	for _, family := range []struct {
		name   string
		number uint64
	}{{"AF_INET", unix.AF_INET}, {"AF_INET6", unix.AF_INET6}, {"AF_NETLINK", unix.AF_NETLINK}, {"AF_UNIX", unix.AF_UNIX}} {
		other := func(m pledge.Masked) bool { return m.Arg == 0 && family.number&m.Mask != m.Value }
		for _, a := range calls {
			if a.Call == "socket" && (a.Allow || slices.ContainsFunc(a.When, func(when []pledge.Masked) bool { return !slices.ContainsFunc(when, other) })) {
				names = append(names, family.name)
			}
		}
	}
	return names
}

// list writes a setting that adds up, in lines of a readable length.
func list(set func(key string, values ...string), key string, values []string) {
	for chunk := range slices.Chunk(values, 12) {
		set(key, chunk...)
	}
}

// systemdHolds reports whether a unit can hold a word. A line of it ends at a
// newline, quoted or not, and paths have no escapes; it is UTF-8.
func systemdHolds(word string) bool {
	return utf8.ValidString(word) && !strings.ContainsFunc(word, unicode.IsControl)
}

// systemdQuote keeps a word one word, and % what it is. A $ is one: only in
// command lines is it written twice.
func systemdQuote(word string) string {
	word = strings.ReplaceAll(word, "%", "%%")
	if word != "" && !strings.ContainsAny(word, " \"'\\;") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
