// Package docs holds what is written of the tree to the tree: the layout and
// the graph of imports in .github/CONTRIBUTING.md, and in README.md what is
// derived from tables, and the picture.
package docs

//go:generate go test -run ^(TestImports|TestDifferences|TestCompared|TestPicture)$ -update .
