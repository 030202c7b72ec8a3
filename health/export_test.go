package health

// What the tests of the endpoints over a real history share with those in this package.
var (
	Golden      = golden
	GoldenText  = goldenText
	TestService = testService

	TestCredentials  = credentials
	HealthySnapshot  = healthySnapshot
	UnknownSnapshot  = unknownSnapshot
	FailingSnapshot  = failingSnapshot
	RequestOfTheWalk = asked
)

// Routes returns each route as its method and path.
func Routes(e *Endpoints) []string {
	var routes []string
	for _, r := range e.routes() {
		routes = append(routes, r.method+" "+r.fixed())
	}
	return routes
}

// Unlimited lets everybody ask as often as they like.
func Unlimited(e *Endpoints) *Endpoints {
	for c := range e.guard.perMinute {
		e.guard.perMinute[c] = 1e9
	}
	return e
}
