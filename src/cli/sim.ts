/** `sallyport sim --pair CLASS,CLASS --seed S`: one join between two drawn networks, in virtual time. */
import { FAILURES, type FailureCode, type PeerEvent, SallyportError, usage } from '../core/index.ts';
import { nodeCrypto } from '../node/index.ts';
import { type AccessKind, describeUser, runPair, SIM_CLASSES, type SimClassId, traceLine } from '../sim/index.ts';
import { milliseconds } from './agents.ts';
import { SIM_FLAGS } from './commands.ts';
import { readCommandLine } from './flags.ts';
import { hardText } from './join-lines.ts';
import type { Invocation } from './run.ts';
import type { Terminal } from './terminal.ts';

interface Side {
  readonly id: SimClassId;
  readonly access: AccessKind;
}

export async function simCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(SIM_FLAGS, [], invocation.argv, invocation.env);
  const { terminal } = invocation;
  const [client, host] = readPair(flags.pair ?? 'P3,P3');
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
  const cost = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}, ${packets.client} + ${packets.host} packets`;
  if (!connected) throw new SallyportError(failure, { detail: `${milliseconds(elapsedMs)}, ${cost}.` });
  terminal.fact('done', 'Connected', `${milliseconds(elapsedMs)} of virtual time · ${method ?? ''} · ${cost}`);
  terminal.result(`connected ${elapsedMs}`);
}

/** The lines that a person joining would get, with their virtual time. */
function follow(terminal: Terminal, event: PeerEvent, ms: number): void {
  const at = Math.round(ms);
  const head = milliseconds(at).padStart(7);
  switch (event.ev) {
    case 'stage':
      terminal.event('stage', { stage: event.stage, text: event.text, at });
      terminal.say(`${head}  ${event.text}`);
      break;
    case 'attempt':
      terminal.event('attempt', { n: event.n, plan: event.plan, at });
      terminal.say(
        `${head}  Attempt ${event.n}: ${event.plan.method}, ${Math.round(event.plan.expected * 100)} % expected, ${event.plan.packets} packets`,
      );
      break;
    case 'attempt-over': {
      const { n, result, packetsSent, next } = event;
      terminal.event('attempt-over', { n, result, packetsSent, next, at });
      if (result === 'timeout') terminal.say(`${head}  Attempt ${n} did not meet: ${next}`);
      break;
    }
    case 'hard': {
      const { pair, likely, advice } = event;
      terminal.event('hard', { pair, likely, advice, at });
      terminal.say(`${head}  Still trying. ${hardText(event)}`);
      break;
    }
    case 'log': {
      const { attempt, what, data } = event;
      if (event.join !== null) terminal.event('log', { attempt, what, data, at });
      break;
    }
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
      terminal.say(`${head}  ${FAILURES[event.failure].what}`);
      break;
    default:
  }
}

/** `P3,S6` or, with the kind of line, `P3@home,S6@mobile`: client first. */
function readPair(text: string): readonly [Side, Side] {
  const sides = text.split(',').map(readSide);
  const [client, host] = sides;
  if (sides.length !== 2 || client === undefined || host === undefined) {
    throw usage(`--pair takes two classes, the client's first, like P3,S6; "${text}" is something else.`);
  }
  return [client, host];
}

function readSide(text: string): Side {
  const [name = '', access = 'home'] = text.trim().split('@');
  const id = SIM_CLASSES.find((one) => one === name.toUpperCase());
  if (id === undefined) throw usage(`There is no class "${name}"; there are ${SIM_CLASSES.join(', ')}.`);
  if (access !== 'home' && access !== 'mobile') throw usage(`A line is @home or @mobile, not "@${access}".`);
  return { id, access };
}

function shown({ id, access }: Side): string {
  return access === 'home' ? id : `${id}@${access}`;
}
