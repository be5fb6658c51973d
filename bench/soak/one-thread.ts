/** A ClickHouse address whose statements run on one thread each: a sixth less work than on two, and there are always others at the same time. */
export function onOneThread(clickhouseUrl: string): string {
  const url = new URL(clickhouseUrl)
  // The client takes settings out of addresses under this prefix.
  url.searchParams.set('ch_max_threads', '1')
  return url.href
}
