// Package printed writes what was named by others, such as files and programs,
// so that it can stand in a line on a terminal.
package printed
