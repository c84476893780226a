/** `sallyport sim --pair CLASS,CLASS --seed S`: one join between two drawn networks, in virtual time. */
import { nextText, stageText } from '../agent/index.ts';
import type { FailureCode, PeerEvent } from '../core/index.ts';
import { FAILURES, nodeCrypto, SallyportError, usage } from '../node/index.ts';
import { type AccessKind, describeUser, runPair, SIM_CLASSES, type SimClassId, traceLine } from '../sim/index.ts';
import { milliseconds } from './agent-flags.ts';
import { SIM_FLAGS } from './commands.ts';
import { readCommandLine, readPair } from './flags.ts';
import { hardText, planText, tellProgress } from './join-lines.ts';
import type { Invocation } from './run.ts';
import type { Terminal } from './terminal.ts';
import { t, tMaybe } from './words/index.ts';

interface SideFlag {
  readonly id: SimClassId;
  readonly access: AccessKind;
}

export async function simCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(SIM_FLAGS, [], invocation.argv, invocation.env);
  const { terminal } = invocation;
  const [client, host] = readPair(flags.pair ?? 'P3,P3', readSide);
  const seed = flags.seed ?? '1';
  let joinedAt = 0;
  /** A host without a masterserver has no code to join by. */
  let failure: FailureCode = 'HOST_OFFLINE';
  const result = runPair({
    clientClass: client.id,
    clientAccess: client.access,
    hostClass: host.id,
    hostAccess: host.access,
    seed,
    crypto: nodeCrypto,
    limitMs: (flags.timeout ?? 120) * 1_000,
    trace: flags.trace,
    replay: `sallyport sim --pair ${shown(client)},${shown(host)} --seed ${seed}`,
    onEvent(side, event, at) {
      if (side === 'host') return;
      if (event.ev === 'stage' && event.stage === 'resolving') {
        joinedAt = at;
        failure = 'GAVE_UP';
      }
      if (event.ev === 'join-failed') failure = event.failure;
      follow(terminal, event, at - joinedAt);
    },
  });
  for (const record of flags.trace ? result.world.trace : []) {
    terminal.event('packet', { line: traceLine(record) });
    terminal.page(traceLine(record));
  }
  const { connected, attempts, method, packets, mappingsPeak, users } = result;
  const elapsedMs = Math.round(result.elapsedMs);
  terminal.event('result', { connected, elapsedMs, attempts, method, packets, mappingsPeak, seed });
  terminal.fact('info', 'Client', describeUser(users.client));
  terminal.fact('info', 'Host', describeUser(users.host));
  const values = { attempts, client: packets.client, host: packets.host };
  const cost =
    attempts === 1
      ? t('1 attempt, {client} + {host} packets', values)
      : t('{attempts} attempts, {client} + {host} packets', values);
  if (!connected) throw new SallyportError(failure, { detail: `${milliseconds(elapsedMs)}, ${cost}.` });
  terminal.fact(
    'done',
    'Connected',
    `${t('{time} of virtual time', { time: milliseconds(elapsedMs) })} · ${method ?? ''} · ${cost}`,
  );
  terminal.result(`connected ${elapsedMs}`);
}

/** The lines that a person joining would get, with their virtual time. */
function follow(terminal: Terminal, event: PeerEvent, ms: number): void {
  const at = Math.round(ms);
  const head = milliseconds(at).padStart(7);
  // What both networks are is told at the end, and as the simulator knows it.
  if (event.ev !== 'networks') tellProgress(terminal, event, at);
  switch (event.ev) {
    case 'stage':
      terminal.say(`${head}  ${stageText(event, tMaybe)}`);
      break;
    case 'attempt':
      terminal.say(
        `${head}  ${t('Attempt {n}: {plan}, {packets} packets', { n: event.n, plan: planText(event.plan), packets: event.plan.packets })}`,
      );
      break;
    case 'attempt-over':
      if (event.result === 'timeout' && event.next !== null)
        terminal.say(
          `${head}  ${t('Attempt {n} did not meet: {next}', { n: event.n, next: nextText(event.next, tMaybe) })}`,
        );
      break;
    case 'hard':
      terminal.say(`${head}  ${t('Still trying.')} ${hardText(event)}`);
      break;
    case 'path':
      terminal.event('connected', {
        path: event.kind,
        ms: Math.round(event.elapsedMs),
        attempts: event.attempts,
        packetsSent: event.packetsSent,
      });
      break;
    case 'join-failed':
      terminal.event('failed', { code: event.failure, at });
      terminal.say(`${head}  ${tMaybe(FAILURES[event.failure].what)}`);
      break;
    default:
  }
}

/** `P3` or, with the kind of line, `S6@mobile`. */
function readSide(text: string): SideFlag {
  const [name = '', access = 'home'] = text.trim().split('@');
  const id = SIM_CLASSES.find((one) => one === name.toUpperCase());
  if (id === undefined)
    throw usage(t('There is no class "{name}"; there are {all}.', { name, all: SIM_CLASSES.join(', ') }));
  if (access !== 'home' && access !== 'mobile')
    throw usage(t('A line is @home or @mobile, not "@{access}".', { access }));
  return { id, access };
}

function shown({ id, access }: SideFlag): string {
  return access === 'home' ? id : `${id}@${access}`;
}
