/** The era of accepted epochs that is current, as SQL. */
export const CURRENT_ERA = 'coalesce((select max(era) from recon.epoch_acceptances), 0)'
