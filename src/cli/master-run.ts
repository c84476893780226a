/** What `sallyport master` starts and says: docs/reference/product.md §4D, docs/operating.md. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  hiddenFile,
  type MasterFact,
  type RelayOptions,
  type RunningMaster,
  SERVICE_FILE,
  startMaster,
  type WebhookConfig,
  webhookSchema,
  writeServiceUnit,
} from '../master/index.ts';
import { ownCommand, usage } from '../node/index.ts';
import { stateDir } from './agent-flags.ts';
import { fileFault } from './file-fault.ts';
import { nodeOf, sayFleetFact } from './fleet.ts';
import { type MasterFlagValues, takesValue } from './master.ts';
import { portsText } from './ports-text.ts';
import { type Invocation, untilStopped } from './run.ts';
import type { Terminal } from './terminal.ts';
import { webhookFault } from './webhook-fault.ts';
import { t, told } from './words/index.ts';

export async function runMaster(invocation: Invocation, flags: MasterFlagValues): Promise<void> {
  const { terminal, signal } = invocation;
  const tls = tlsFiles(flags);
  if (flags['install-service']) return installService(invocation, tls);
  const taken = new AbortController();
  const master = await startMaster({
    fleet: nodeOf(flags),
    listen: flags.listen,
    ...(flags.advertise.length === 0 ? {} : { advertise: flags.advertise }),
    ...(flags.port === undefined ? {} : { port: flags.port }),
    onePort: flags['one-port'],
    ...(flags['also-port'] === undefined ? {} : { alsoPort: flags['also-port'] }),
    ...(flags['stun-port'] === undefined ? {} : { stunPort: flags['stun-port'] }),
    ...(flags.http === undefined ? {} : { http: unlessOff(flags.http) }),
    ...(flags['metrics-listen'] === undefined ? {} : { metrics: unlessOff(flags['metrics-listen']) }),
    ...(flags['probe-workers'] === undefined ? {} : { probeWorkers: flags['probe-workers'] }),
    nativeUdp: flags['native-udp'],
    relay: flags.relay === 'off' ? null : ownRelay(flags),
    relaysAt: flags['relay-at'],
    ...(flags['relay-secret-file'] === undefined ? {} : { relaySecretFile: flags['relay-secret-file'] }),
    tls,
    ...(flags['https-at'] === undefined ? {} : { https: unlessOff(flags['https-at']) }),
    trustedProxies: flags['trusted-proxy'],
    domains: flags.domain,
    stateDir: stateDir(flags, invocation.env),
    official: flags.official ?? null,
    webhooks: readWebhooks(flags.webhooks),
    contact: flags.contact ?? null,
    downloads: flags.downloads ?? null,
    // A person at a terminal reads the lines below; a log is for files and journals.
    logLevel: (flags['log-level'] ?? (process.stderr.isTTY ? 'silent' : 'warn')) as 'warn',
    onFact: (fact) => {
      sayFact(terminal, fact);
      if (fact.fact === 'fleet-drain') taken.abort();
    },
  });
  invocation.onHangup(() => {
    master.reload();
    terminal.fact('done', 'Reloaded', t('the folder of the official servers'));
  });
  welcome(terminal, master);
  await untilStopped(AbortSignal.any([signal, taken.signal]));
  terminal.say(t('Stopping: hosts and players are told to come back later; joins under way are finished.'));
  await master.drain();
}

function welcome(terminal: Terminal, { link, http, metrics, endpoints }: RunningMaster): void {
  terminal.event('ready', { master: link, http, metrics }, 'whole');
  terminal.result(link);
  const addresses = [...new Set(endpoints.map((endpoint) => endpoint.address))];
  terminal.fact(
    'done',
    'UDP',
    t('{ports}, on {addresses}', {
      ports: portsText(endpoints.map(({ port }) => port)),
      addresses: addresses.join(t(' and ')),
    }),
    'whole',
  );
  if (http !== null) terminal.fact('done', 'Page', http, 'whole');
  terminal.fact('done', 'Ready', link, 'whole');
  terminal.say(`  ${t('Hosts').padEnd(10)} sallyport host 30000 --master '${link}'`, 'whole');
  terminal.say(`  ${t('Test it').padEnd(10)} sallyport check --master '${link}'`, 'whole');
}

function sayFact(terminal: Terminal, fact: MasterFact): void {
  terminal.event('fact', fact);
  switch (fact.fact) {
    case 'identity':
      terminal.fact(
        'done',
        'Identity',
        `${fact.file}${fact.created ? ` ${t('(new: keep a copy, the link holds this key)')}` : ''}`,
      );
      break;
    case 'admin-token':
      terminal.fact('info', 'Admin', t('one-time code in {file}', { file: fact.file }));
      break;
    case 'token-problem':
      terminal.fact(
        'warn',
        'Admin',
        t('no code could be left in {file}: {detail}. Mend it and start again.', {
          file: fact.file,
          detail: fact.detail,
        }),
      );
      break;
    case 'unlocked':
      terminal.fact(
        'warn',
        'Lock',
        t('{detail}. Make sure that no second master uses this folder.', { detail: told(fact.detail) }),
      );
      break;
    case 'no-second-address':
      terminal.fact(
        'info',
        'Addresses',
        fact.onePort
          ? t(
              'one, with one port: players can not tell what their routers do (a second --listen, or their --stun, can)',
            )
          : t('one: how routers filter is inferred, not measured (a second --listen measures it)'),
      );
      break;
    case 'private-address':
      terminal.fact(
        'warn',
        'Addresses',
        t('{address} is private: only this network reaches it (--advertise, --listen)', { address: fact.address }),
        'whole',
      );
      break;
    case 'official-problem':
      terminal.fact('warn', 'Official', fact.errors.map(told).join('; '));
      break;
    case 'store-problem':
      terminal.fact('warn', 'Store', told(fact.problem));
      break;
    case 'metrics-problem':
      terminal.fact('warn', 'Metrics', told(fact.detail));
      break;
    case 'fault':
      terminal.fact('fail', 'Fault', fact.detail);
      break;
    default:
      sayFleetFact(terminal, fact);
  }
}

function ownRelay(flags: MasterFlagValues): RelayOptions {
  const { 'relay-port': port, 'relay-name': name, 'relay-region': region, 'relay-quota': quotas } = flags;
  return {
    quotas,
    ...(port === undefined ? {} : { port }),
    ...(name === undefined ? {} : { name }),
    ...(region === undefined ? {} : { region }),
  };
}

function unlessOff(at: string): string | null {
  return at === 'off' ? null : at;
}

function tlsFiles(flags: MasterFlagValues): { readonly cert: string; readonly key: string } | null {
  const [cert, key] = [flags['tls-cert'], flags['tls-key']];
  if (cert === undefined && key === undefined) return null;
  if (cert === undefined || key === undefined) throw usage(t('--tls-cert and --tls-key belong together.'));
  return { cert, key };
}

function readWebhooks(path: string | undefined): readonly WebhookConfig[] {
  if (path === undefined) return [];
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why =
      error instanceof SyntaxError ? t('it is no JSON ({why})', { why: error.message }) : fileFault(error, path);
    throw usage(t('--webhooks {path}: {why}', { path, why }));
  }
  const parsed = webhookSchema.array().safeParse(document);
  if (parsed.success) return parsed.data;
  throw usage(t('--webhooks {path}: {why}', { path, why: webhookFault(parsed.error.issues[0]) }));
}

/** Written with the options given, less those that the unit itself sets; files by their whole path. */
function installService({ argv, terminal }: Invocation, tls: { cert: string; key: string } | null): void {
  const own = new Set(['--install-service', '--state-dir', '--tls-cert', '--tls-key']);
  const files = new Set([
    ...['--official', '--webhooks', '--relay-secret-file', '--downloads'],
    ...['--nats-creds', '--nats-nkey', '--nats-ca', '--nats-cert', '--nats-key'],
  ]);
  const args: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const [name = '', inline] = (argv[i] as string).split(/=(.*)/s, 2);
    const value = inline ?? (name === '--install-service' || !takesValue(name) ? undefined : argv[++i]);
    if (own.has(name)) continue;
    args.push(
      name,
      ...(value === undefined ? [] : [files.has(name) && !/^https?:/i.test(value) ? resolve(value) : value]),
    );
  }
  const options = {
    command: ownCommand(),
    args,
    tls: tls === null ? null : { cert: resolve(tls.cert), key: resolve(tls.key) },
  };
  const hidden = hiddenFile(options);
  if (hidden !== null)
    throw usage(
      t('{hidden} is in a home or a temporary folder, which a service does not see: move it, to /opt or /usr.', {
        hidden,
      }),
    );
  try {
    writeServiceUnit(options);
  } catch (error) {
    throw usage(t('{why} Run it as root.', { why: fileFault(error, SERVICE_FILE) }));
  }
  terminal.fact('done', 'Service', SERVICE_FILE);
  terminal.say('  systemctl daemon-reload && systemctl enable --now sallyport-master');
}
