package journal

import "tributary/internal/durable/broker"

// ErrUnknownOutcome is the broker's, for those who do not know the broker: an append
// may have happened, or may happen yet unless another to its journal comes before.
var ErrUnknownOutcome = broker.ErrUnknownOutcome
