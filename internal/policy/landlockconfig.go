package policy

import "strings"

// landlockconfigFormat returns the format that a file of landlockconfig has by
// its name, or "".
func landlockconfigFormat(name string) string {
	for _, format := range []string{"toml", "json"} {
		if strings.HasSuffix(name, "."+format) {
			return format
		}
	}
	return ""
}
