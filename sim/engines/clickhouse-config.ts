/** A user beside `default`, which has no password, so that logins and grants can be tested. */
export interface ClickHouseUser {
  readonly name: string
  readonly password: string
  /** ClickHouse's own: 0 may write, 1 may read and change no setting, 2 may read and change settings. */
  readonly readonly: 0 | 1 | 2
}

/** The server's configuration. `token` comes back in a header of every answer, which is how we know that the server that answers is ours. */
export function serverConfig(token: string, usersFile: string): string {
  return `<clickhouse>
  <display_name>${escapeXml(token)}</display_name>
  <users_config>${escapeXml(usersFile)}</users_config>
</clickhouse>
`
}

/** The users file: `default` without a password, and `users`. The server file of an official image takes it in users.d, too. */
export function usersConfig(users: readonly ClickHouseUser[]): string {
  const anywhere = '<networks><ip>::/0</ip></networks>'
  return `<clickhouse>
  <profiles>
    <default/>
    ${users.map(user => `<of_${user.name}><readonly>${user.readonly}</readonly></of_${user.name}>`).join('\n    ')}
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default><password></password>${anywhere}<profile>default</profile><quota>default</quota></default>
    ${users
      .map(
        user =>
          `<${user.name}><password>${escapeXml(user.password)}</password>${anywhere}<profile>of_${user.name}</profile><quota>default</quota></${user.name}>`,
      )
      .join('\n    ')}
  </users>
</clickhouse>
`
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
