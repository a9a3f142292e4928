package kernel

// For the tests in package kernel_test, which cannot be in this package
// because shimtest imports it.
var (
	AskActions = askActions
	AllActions = Actions(allActions)
)

// Verify tries a kernel that reports the given ABI.
func Verify(reported int) Kernel {
	var k Kernel
	k.setABI(reported)
	k.verify()
	return k
}
