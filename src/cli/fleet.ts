/** `sallyport fleet status | drain NODE`: the nodes of a fleet, as they answer over NATS just now (docs/fleet.md). */
import type { FleetOptions, FleetView, MasterFact, NatsOptions } from '../master/index.ts';
import { usage } from '../node/index.ts';
import { stateDir } from './agent-flags.ts';
import { FLEET_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import type { Invocation } from './run.ts';
import type { Terminal } from './terminal.ts';
import { tableText } from './who.ts';
import { t } from './words/index.ts';

interface NatsFlags {
  readonly nats: readonly string[];
  readonly 'nats-creds'?: string | undefined;
  readonly 'nats-nkey'?: string | undefined;
  readonly 'nats-ca'?: string | undefined;
  readonly 'nats-cert'?: string | undefined;
  readonly 'nats-key'?: string | undefined;
}

/** Null where no server is given. */
function natsOf(flags: NatsFlags): NatsOptions | null {
  if (flags.nats.length === 0) return null;
  const { 'nats-creds': creds, 'nats-nkey': nkey, 'nats-ca': ca, 'nats-cert': cert, 'nats-key': key } = flags;
  if ((cert === undefined) !== (key === undefined)) throw usage(t('--nats-cert and --nats-key belong together.'));
  return {
    servers: flags.nats,
    ...(creds === undefined ? {} : { creds }),
    ...(nkey === undefined ? {} : { nkey }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

/** Null: a master by itself. */
export function nodeOf(
  flags: NatsFlags & { readonly node?: string | undefined; readonly region?: string | undefined },
) {
  const nats = natsOf(flags);
  const { node, region } = flags;
  if (nats === null && node === undefined) return null;
  if (nats === null || node === undefined)
    throw usage(t('--nats and --node belong together: a node of a fleet has a name.'));
  const options: FleetOptions = { nats, node, ...(region === undefined ? {} : { region }) };
  return options;
}

export async function fleetCommand({ argv, env, terminal }: Invocation): Promise<void> {
  const { flags, words } = readCommandLine(FLEET_FLAGS, ['WHAT...'], argv, env);
  const [act, node] = words;
  const nats = natsOf(flags);
  if (nats === null) throw usage(t('Which fleet? Give --nats nats://HOST:PORT, as its nodes have it.'));
  const { askFleet, drainNode } = await import('../master/index.ts');
  const folder = stateDir(flags, env);
  if (act === 'status' && node === undefined) return show(terminal, await askFleet(nats, folder));
  if (act !== 'drain' || node === undefined) throw usage('sallyport fleet status | sallyport fleet drain NODE');
  const drained = await drainNode(nats, folder, node);
  if (drained === 'unknown') throw usage(t('No node of the fleet is called {node}.', { node }));
  terminal.event('drain', { node, drained });
  terminal.fact(
    'done',
    'Drain',
    drained === 'told'
      ? t('{node} was told: its sessions move, then it ends', { node })
      : t('{node} does not answer, and is out of the list from now on', { node }),
  );
}

function show(terminal: Terminal, { nodes, serial, missing }: FleetView): void {
  terminal.event('fleet', { serial, missing, nodes });
  const rows = nodes.map(({ name, region, version, hosts, sessions, draining }) => [
    ...[name, region, draining ? t('draining') : t('up'), String(hosts), String(sessions), version],
  ]);
  const away = missing.map((name) => [name, '', t('silent'), '', '', '']);
  const head = [t('Node'), t('Region'), t('State'), t('Hosts'), t('Sessions'), t('Version')];
  terminal.page(tableText(head, [...rows, ...away]));
}

type OfFleet = MasterFact & {
  readonly fact: 'fleet' | 'fleet-list' | 'fleet-secret' | 'fleet-drain' | 'node-name-taken';
};

export function sayFleetFact(terminal: Terminal, fact: OfFleet): void {
  switch (fact.fact) {
    case 'fleet':
      if (fact.state === 'connected') terminal.fact('done', 'Fleet', t('over {server}', { server: fact.detail }));
      else
        terminal.fact(
          'warn',
          'Fleet',
          t('NATS is away ({why}): joins go on, news of bans and nodes waits', { why: fact.detail }),
        );
      break;
    case 'fleet-list':
      terminal.fact('info', 'Nodes', fact.nodes.join(', '));
      break;
    case 'fleet-secret':
      terminal.fact('info', 'Fleet', t('{file} (new: the other nodes need it and master.key)', { file: fact.file }));
      break;
    case 'node-name-taken':
      terminal.fact(
        'warn',
        'Fleet',
        t('another node is called {node}: give one of them another --node', { node: fact.name }),
      );
      break;
    case 'fleet-drain':
      terminal.fact('info', 'Fleet', t('this node has been taken out: it ends once its sessions have moved'));
  }
}
