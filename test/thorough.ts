/**
 * Whether there is time for more than what a change has to pass in 25 minutes on two cores: `VARVE_THOROUGH=1 npm test` kills
 * at every step instead of every few, and runs every case on every version of a database.
 */
export const thorough: boolean = process.env.VARVE_THOROUGH === '1'
