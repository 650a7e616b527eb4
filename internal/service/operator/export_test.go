package operator

// DeliveryStateOf is deliveryStateOf.
var DeliveryStateOf = deliveryStateOf
