/** `sallyport relay`: forwards for pairs of a masterserver elsewhere (docs/operating.md, Relays). */

import { startRelay } from '../master/index.ts';
import { usage } from '../node/index.ts';
import { RELAY_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import { type Invocation, untilStopped } from './run.ts';
import { t } from './words/index.ts';

export async function relayCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(RELAY_FLAGS, [], invocation.argv, invocation.env);
  const { terminal, signal } = invocation;
  const { master, 'secret-file': secretFile, 'metrics-listen': metrics } = flags;
  if (master === undefined) throw usage(t('--master is missing: the link that "sallyport master" prints.'));
  if (secretFile === undefined) throw usage(t('--secret-file is missing: a copy of relay.secret of the masterserver.'));
  const relay = await startRelay({
    ...{ listen: flags.listen, master, secretFile, quotas: flags['relay-quota'], nativeUdp: flags['native-udp'] },
    ...(flags.port === undefined ? {} : { port: flags.port }),
    metrics: metrics === undefined || metrics === 'off' ? null : metrics,
  });
  const places = flags.listen.map((address) => `${address.includes(':') ? `[${address}]` : address}:${relay.port}`);
  terminal.event('ready', { relay: places, metrics: relay.metrics }, 'whole');
  terminal.fact('done', 'Relay', `UDP ${places.join(t(' and '))}`, 'whole');
  terminal.say(`  ${t('Masterserver')}  sallyport master … --relay-at NAME,REGION,${places.join(',')}`, 'whole');
  await untilStopped(signal);
  await relay.close();
}
