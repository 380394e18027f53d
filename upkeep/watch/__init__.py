"""Look on: the state of the deployment as gauges, and the doctor."""
