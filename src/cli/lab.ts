/** `sallyport lab --pair CLASS,CLASS`: one join between two NATs of this machine's kernel, with the real command. */
import { delayMissing, failureOf, LAB_CLASSES, type LabClass, labAvailability, runLabPair } from '../../lab/index.ts';
import type { FailureCode } from '../core/index.ts';
import { SallyportError, usage } from '../node/index.ts';
import { milliseconds } from './agent-flags.ts';
import { LAB_FLAGS } from './commands.ts';
import { readCommandLine, readPair } from './flags.ts';
import type { Invocation } from './run.ts';
import { t } from './words/index.ts';

const TIMEOUT_SECONDS = 120;

export async function labCommand(invocation: Invocation): Promise<void> {
  const { flags } = readCommandLine(LAB_FLAGS, [], invocation.argv, invocation.env);
  const { terminal, signal } = invocation;
  const [client, host] = readPair(flags.pair ?? 'P3,P3', readClass);
  const lab = labAvailability();
  if (!lab.ok)
    throw usage(t('No lab on this machine: {why}. "sallyport sim" shows the same without.', { why: lab.reason }));
  const delay = delayMissing();
  if (delay !== null) terminal.fact('info', 'Links', t('without delay: {why}', { why: delay }));
  const timeoutMs = (flags.timeout ?? TIMEOUT_SECONDS) * 1_000;
  const pair = runLabPair({
    client,
    host,
    timeoutMs,
    signal,
    onLine: (side, line) => {
      if (line.stream === 'stderr') terminal.say(`${side.padEnd(6)} ${line.text}`);
      else terminal.event('line', { side, line: line.text });
    },
  });
  const result = await pair.catch((error: unknown) => {
    const failure = failureOf(error);
    if (failure === null) throw error;
    throw new SallyportError(failure.event.code as FailureCode, { detail: `(${failure.on})`, cause: error });
  });
  terminal.event('result', { ...result });
  terminal.fact(
    'done',
    'Game',
    t('{game} answers through the path: {status}', { game: result.game, status: result.status }),
  );
  const { attempts, packetsSent } = result;
  const cost = t('{time}, attempt {attempts}, {packetsSent} packets', {
    ...{ time: milliseconds(result.ms), attempts, packetsSent },
  });
  terminal.fact('done', 'Connected', `${result.path} · ${cost}`);
  terminal.result(`connected ${result.ms}`);
}

function readClass(text: string): LabClass {
  const name = text.trim().toUpperCase();
  if (!Object.hasOwn(LAB_CLASSES, name)) {
    throw usage(t('The lab has no class "{text}"; it has {all}.', { text, all: Object.keys(LAB_CLASSES).join(', ') }));
  }
  return name as LabClass;
}
