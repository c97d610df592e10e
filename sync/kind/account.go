package kind

import "context"

// Account is a connection whose password milkrun can change at the partner.
type Account interface {
	// Rotate changes it, so that at every moment the password that the partner takes is durable here. Step, if not nil, is
	// told when a step is done, for tests.
	Rotate(ctx context.Context, env Env, step func(name string)) error
	// Settle ends a change that was interrupted: the password that the partner takes is kept. It returns the file it was in.
	Settle(ctx context.Context, env Env) (file string, err error)
}

// Licensed is a connection at which an enterprise's authorisation to ask about it is deposited.
type Licensed interface {
	// UploadLicence returns the id under which the partner keeps the authorisation.
	UploadLicence(ctx context.Context, env Env, l Licence) (id string, err error)
}

// Licence is the authorisation of an enterprise, a file with its name.
type Licence struct {
	Code string // unified social credit code
	Name string
	File []byte
}
