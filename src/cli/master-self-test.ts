/**
 * `sallyport master --self-test --master LINK`, on another computer than the masterserver's: which of its ports a player reaches from there,
 * and whether something in front of it hides where players are. From its own computer nothing passes the firewall that matters.
 */

import type { MasterSurvey } from '../agent/index.ts';
import type { MasterWay, PortReport, PortRole } from '../core/index.ts';
import { parseMasterLink } from '../core/wire/master-link.ts';
import { SallyportError, usage } from '../node/failure.ts';
import { milliseconds } from './agent-flags.ts';
import type { MasterFlagValues } from './master.ts';
import { portNames } from './ports-text.ts';
import type { Invocation } from './run.ts';
import type { Terminal } from './terminal.ts';
import { type Sentence, t, told } from './words/index.ts';

const ROLES: readonly { readonly role: PortRole; readonly head: Sentence; readonly shut: Sentence }[] = [
  { role: 'door', head: 'Door', shut: 'nobody gets a session there' },
  { role: 'control', head: 'Control', shut: 'players whose keys lead there get no session' },
  { role: 'probe', head: 'Probes', shut: 'players can not tell what their routers do' },
  { role: 'relay', head: 'Relay', shut: 'pairs without a direct path have nothing' },
];

export async function selfTest({ terminal, signal }: Invocation, flags: MasterFlagValues): Promise<void> {
  if (flags.master === undefined)
    throw usage(
      t(
        '--self-test looks from another computer: run it there, with --master and the link that the masterserver prints.',
      ),
    );
  const link = parseMasterLink(flags.master);
  if ('problem' in link) {
    const { linkText } = await import('../agent/index.ts');
    throw usage(`--master: ${told(linkText(link))}`);
  }
  terminal.fact('info', 'Testing', t('the ports of the masterserver, from this computer'));
  const { surveyMaster } = await import('../agent/index.ts');
  const survey = await surveyMaster(link, signal);
  terminal.event('self-test', {
    ports: survey.ports,
    seenAs: survey.seenAs,
    ways: survey.ways,
    failure: survey.failure,
  });
  if (survey.failure !== null && survey.failure !== 'MASTER_UNREACHABLE') throw new SallyportError(survey.failure);
  const shut = [...sayPorts(terminal, survey.ports), ...(await sayWays(terminal, survey))];
  await saySources(terminal, survey);
  if (shut.length === 0) {
    terminal.fact('done', 'Result', t('all of its ports answer from here'));
    return;
  }
  throw new SallyportError('MASTER_UNREACHABLE', {
    detail: t('Not at all of its ports: let {ports} pass its firewall, and forward them where it is behind a router.', {
      ports: shut.join('; '),
    }),
  });
}

/** A line for each kind of port at each address; what is shut comes back. */
function sayPorts(terminal: Terminal, all: readonly PortReport[]): readonly string[] {
  const shutAt: string[] = [];
  for (const address of new Set(all.map(({ endpoint }) => endpoint.address))) {
    for (const { role, head, shut: meaning } of ROLES) {
      const ports = all.filter((one) => one.role === role && one.endpoint.address === address);
      const [open, shut] = [ports.filter(isOpen), ports.filter((one) => !isOpen(one))];
      const named = (some: readonly PortReport[]) => portNames(some.map(({ endpoint }) => endpoint.port));
      if (open.length > 0) {
        const quickest = Math.min(...open.map(({ answeredMs }) => answeredMs ?? Number.POSITIVE_INFINITY));
        const values = { address, ports: named(open), ms: milliseconds(quickest) };
        terminal.fact('done', head, t('{address} UDP {ports} answers, {ms}', values), 'whole');
      }
      if (shut.length === 0) continue;
      terminal.fact(
        'fail',
        head,
        t('{address} UDP {ports} shut: {meaning}', { address, ports: named(shut), meaning: t(meaning) }),
        'whole',
      );
      shutAt.push(t('UDP {ports} of {address}', { ports: named(shut), address }));
    }
  }
  return shutAt;
}

function isOpen({ answeredMs }: PortReport): boolean {
  return answeredMs !== null;
}

/** The further ways that the link names. */
async function sayWays(terminal: Terminal, { ways }: MasterSurvey): Promise<readonly string[]> {
  const names: Readonly<Record<MasterWay, string>> = { udp: 'UDP', further: t('the further UDP port'), tls: 'HTTPS' };
  return ways.flatMap(({ way, answeredMs }) => {
    if (answeredMs !== null) {
      terminal.fact('done', 'Ways', t('{way} works, {ms} ms', { way: names[way], ms: Math.round(answeredMs) }));
      return [];
    }
    terminal.fact('fail', 'Ways', t('{way} no answer', { way: names[way] }));
    return [names[way]];
  });
}

async function saySources(terminal: Terminal, { seenAs, own, ports }: MasterSurvey): Promise<void> {
  const { scopeOf } = await import('../core/index.ts');
  const isPublic = (address: string) => scopeOf(address) === 'public';
  const rewritten = seenAs.filter((address) => !isPublic(address) && !own.includes(address));
  if (!ports.some((port) => isOpen(port) && isPublic(port.endpoint.address))) {
    if (ports.some(isOpen))
      terminal.fact(
        'warn',
        'Sources',
        t('this computer reaches it within a network: what the Internet reaches is not tested'),
      );
  } else if (rewritten.length > 0) {
    terminal.fact(
      'fail',
      'Sources',
      t(
        'this computer is seen as {address}: what stands in front hides where players are, and they meet only by STUN servers or a relay (Docker: --network host)',
        { address: rewritten.join(', ') },
      ),
      'whole',
    );
  } else if (seenAs.length > 0)
    terminal.fact('done', 'Sources', t('this computer is seen as {address}', { address: seenAs.join(', ') }));
}
