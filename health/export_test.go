package health

// What the tests of the endpoints over a real history share with those in this package.
var (
	Golden      = golden
	GoldenText  = goldenText
	TestService = testService
)
