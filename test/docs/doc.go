// Package docs holds what is written of the tree to the tree: the layout and
// the graph of imports in .github/CONTRIBUTING.md.
package docs

//go:generate go test -run ^TestImports$ -update .
