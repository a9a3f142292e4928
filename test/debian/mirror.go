// Package debian finds the archive of Debian's packages that this machine
// uses, for what is tested or measured with packages of other suites.
package debian

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Mirror reads below a directory, which is /etc/apt, where apt finds Debian
// and its security updates, from either format of the lists of sources. It
// fails when one of them is not named.
func Mirror(etc string) (main, security string, err error) {
	files, _ := filepath.Glob(etc + "/sources.list.d/*.sources")
	more, _ := filepath.Glob(etc + "/sources.list.d/*.list")
	for _, name := range append(append(files, more...), etc+"/sources.list") {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			for _, word := range strings.Fields(line) {
				switch word = strings.TrimSuffix(word, "/"); {
				case !strings.Contains(word, "://"):
				case main == "" && strings.HasSuffix(word, "/debian"):
					main = word
				case security == "" && strings.HasSuffix(word, "/debian-security"):
					security = word
				}
			}
		}
	}
	if main == "" || security == "" {
		return "", "", fmt.Errorf("%s names no source of Debian and of its security updates", etc)
	}
	return main, security, nil
}
