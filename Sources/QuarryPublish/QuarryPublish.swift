// Tells others that a run is over.
