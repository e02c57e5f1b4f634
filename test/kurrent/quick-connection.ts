/**
 * What connection strings of most tests say. Before the first read of a client the official one for Node waits as long as
 * between two attempts to find a node, half a second unless told otherwise; most tests connect once and read. It goes on
 * trying for as long as by default. What meets a server that restarts is tested with the defaults.
 */
export const quickConnection = 'discoveryInterval=10&maxDiscoverAttempts=500'
