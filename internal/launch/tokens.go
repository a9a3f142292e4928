package launch

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/unveil-run/unveil-run/internal/cleaner"
	"github.com/unveil-run/unveil-run/internal/policy"
	"github.com/unveil-run/unveil-run/unveil"
)

// A granted is a path of a token. It only adds: an entry around it keeps what
// it has, and a path that is missing needs no word.
type granted struct {
	path    string
	letters unveil.Letters
	token   policy.Token
}

// expand takes the entries apart into those of paths and what tokens grant. A
// fresh name for @tmp is chosen, and nothing made.
func (b *box) expand(entries []policy.Entry) *Failure {
	b.entries = make([]unveil.Entry, 0, len(entries))
	for _, e := range entries {
		switch e.Token {
		case "":
			b.entries = append(b.entries, e.Entry)
		case policy.Tmp:
			if b.tmp == "" {
				var err error
				if b.tmp, err = freshName(); err != nil {
					return failedf("%s: %w", e.Token, err)
				}
			}
			b.entries = append(b.entries, unveil.Entry{Path: b.tmp, Letters: e.Letters, Create: true, Private: true})
		default:
			for _, path := range tokenPaths(e.Token, b.env) {
				b.granted = append(b.granted, granted{path, e.Letters, e.Token})
			}
		}
	}
	return nil
}

// entryOf is what a token grants as an entry, for formats that know no tokens.
func entryOf(g granted) unveil.Entry {
	return unveil.Entry{Path: g.path, Letters: g.letters, Optional: true}
}

// grant adds what tokens grant, as far as the kinds of access are promised.
func (b *box) grant(rules *unveil.Rules, kinds unveil.Letters) {
	for _, g := range b.granted {
		access := (g.letters & kinds).Access()
		if g.token == policy.TTY && access != 0 {
			access |= unveil.IoctlDev // tcgetattr(3), as for an entry of a terminal
		}
		rules.Imply(g.path, access, string(g.token))
	}
}

// tokenPaths returns what a token stands for.
func tokenPaths(t policy.Token, env environment) []string {
	switch t {
	case policy.TTY:
		return terminals()
	case policy.DNS:
		var list []string
		for _, p := range promises.dns.Paths() {
			list = append(list, p.Name)
		}
		return list
	case policy.TLS:
		list := trusted
		for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
			if path, ok := env.lookup(name); ok && filepath.IsAbs(path) {
				list = append(list[:len(list):len(list)], path)
			}
		}
		return list
	case policy.Locale:
		return locales
	case policy.Self:
		// The rule holds for the process that the launcher becomes: its
		// children have another directory, and no rule.
		return []string{"/proc/self"}
	}
	return nil
}

// trusted is where distributions keep the certificates that are trusted and
// what TLS libraries are configured by; never private keys.
var trusted = []string{
	"/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem", "/etc/ssl/openssl.cnf",
	"/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/tls/openssl.cnf", "/etc/pki/ca-trust/extracted", "/etc/ca-certificates",
	"/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/lib/ssl/cert.pem", "/usr/lib/ssl/openssl.cnf", "/var/lib/ca-certificates",
	"/etc/crypto-policies", "/etc/gnutls/config",
}

var locales = []string{
	"/usr/share/locale", "/usr/lib/locale", "/usr/share/i18n", "/usr/share/X11/locale", "/usr/share/zoneinfo", "/etc/localtime", "/etc/locale.alias",
	"/etc/locale.conf", "/etc/default/locale", "/usr/lib/gconv", "/usr/lib64/gconv", "/usr/lib/x86_64-linux-gnu/gconv", "/usr/lib/aarch64-linux-gnu/gconv",
}

// terminals returns /dev/tty and the terminals that are descriptors 0 to 2.
func terminals() []string {
	list := []string{"/dev/tty"}
	for fd := range firstPassed {
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if _, not := unix.IoctlGetTermios(fd, unix.TCGETS); not == nil && err == nil {
			list = append(list, name)
		}
	}
	return list
}

// freshName returns the name of a directory that does not exist: it cannot be
// guessed, and making it fails if it does.
func freshName() (string, error) {
	var random [12]byte
	if _, err := unix.Getrandom(random[:], 0); err != nil {
		return "", fmt.Errorf("getrandom: %w", err)
	}
	dir := os.Getenv("TMPDIR") // the launcher's own
	if !filepath.IsAbs(dir) {
		dir = "/tmp"
	}
	return filepath.Join(dir, "unveil-run-"+hex.EncodeToString(random[:])) + "/", nil
}

// useTmp sets the variables that are to name @tmp: TMPDIR, unless -e has it
// otherwise, and those of policy files.
func (b *box) useTmp(r *Request) *Failure {
	if b.tmp == "" {
		if len(r.TmpEnv) > 0 {
			name, rest, _ := strings.Cut(r.TmpEnv[0], "=")
			return failedf("env %s=%s%s: %s is not unveiled", name, policy.Tmp, rest, policy.Tmp).hinted("-u %s:rwc", policy.Tmp)
		}
		return nil
	}
	dir := strings.TrimSuffix(b.tmp, "/")
	for _, word := range append([]string{"TMPDIR="}, r.TmpEnv...) {
		name, rest, _ := strings.Cut(word, "=")
		if r.sets(name) {
			continue
		}
		b.env = b.env.set(name + "=" + dir + rest)
		b.set = append(b.set, name+"="+dir+rest+", which is "+string(policy.Tmp)+rest)
	}
	return nil
}

// cleanUp leaves a process behind that removes @tmp when the command has ended.
func (b *box) cleanUp() *Failure {
	if b.tmp == "" {
		return nil
	}
	object, dir, ok := b.paths.Made(b.tmp)
	if !ok {
		return failedf("%s: %q was not made", policy.Tmp, b.tmp)
	}
	if err := cleaner.Start(dir, object, b.tmp); err != nil {
		return failedf("%s: the process that removes it: %w", policy.Tmp, err)
	}
	return nil
}
