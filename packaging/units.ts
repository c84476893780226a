/** The systemd units of the Debian package: each confined as `sallyport master --install-service` writes it, with its flags as variables. */
import { serviceUnit } from '../src/master/index.ts';

export const DEFAULTS: Readonly<Record<string, string>> = {
  'sallyport-master': `# Every flag of "sallyport master" as a variable: sallyport help master.
# After a change: systemctl restart sallyport-master
#SALLYPORT_LISTEN=198.51.100.7
#SALLYPORT_HTTP=0.0.0.0:8420
#SALLYPORT_CONTACT=admin@example.org
`,
  'sallyport-relay': `# Every flag of "sallyport relay" as a variable: sallyport help relay.
# The secret of the masterserver belongs into /etc/sallyport/relay.secret, readable by root alone.
#SALLYPORT_MASTER=sallyport://198.51.100.7:8430/#KEY
#SALLYPORT_LISTEN=198.51.100.9
`,
  'sallyport-host': `# Every flag of "sallyport host" as a variable, for all hosts of this computer: sallyport help host.
# One host for each port or group of ports: systemctl enable --now sallyport-host@30000
#SALLYPORT_MASTER=sallyport://198.51.100.7:8430/#KEY
`,
};

const PROGRAM = '/usr/bin/sallyport';

/** By the name of the file in /usr/lib/systemd/system. */
export function units(): Readonly<Record<string, string>> {
  const master = serviceUnit({ command: [PROGRAM], args: [], tls: null });
  const like = (name: string, description: string, start: string, more: readonly string[] = []): string =>
    master
      .replace(/^Description=.*$/m, `Description=${description}\nDocumentation=man:sallyport(1)`)
      .replace(/^Type=exec$/m, ['Type=exec', `EnvironmentFile=-/etc/default/${name}`, ...more].join('\n'))
      .replace(/^ExecStart=.*$/m, `ExecStart=${start}`)
      .replace(/^(StateDirectory)=.*$/m, `$1=${name === 'sallyport-master' ? 'sallyport' : name}`);
  const masterStart = /^ExecStart=(.*)$/m.exec(master)?.[1] ?? '';
  return {
    'sallyport-master.service': like('sallyport-master', 'sallyport masterserver', masterStart),
    'sallyport-relay.service': like(
      'sallyport-relay',
      'sallyport relay for a masterserver elsewhere',
      `${PROGRAM} relay --secret-file %d/relay.secret`,
      ['LoadCredential=relay.secret:/etc/sallyport/relay.secret'],
    ),
    'sallyport-host@.service': like(
      'sallyport-host',
      'sallyport host of the game on %I',
      `${PROGRAM} host %I --wait-for-network --no-clipboard --state-dir %S/sallyport-host`,
    ),
  };
}
