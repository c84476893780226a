/** What `sallyport check` measures and says. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../agent/index.ts';
import { type NatProfile, type ProbeResult, parseMasterLink, type Verdict } from '../core/index.ts';
import { copyToClipboard, narrowReceive, SallyportError } from '../node/index.ts';
import { withAgent } from './agents.ts';
import type { CheckFlags } from './check.ts';
import { tryPair } from './check-pair.ts';
import { CLI_LIMITS } from './limits.ts';
import { probeLines, type ReportOptions, reportLines, type WaysShown } from './report.ts';
import type { Invocation } from './run.ts';
import { t } from './words/index.ts';

export interface CheckErrand {
  readonly flags: CheckFlags;
  /** Null: once. */
  readonly everyMs: number | null;
  readonly password: string | undefined;
}

export async function measure(invocation: Invocation, { flags, everyMs, password }: CheckErrand): Promise<void> {
  await withAgent({ flags, invocation, reportsSilent: true }, async (agent) => {
    const check = new Check(invocation, flags, agent);
    const ways = check.askWays();
    // Without a master the STUN servers may still tell something, and the failure itself is part of the report.
    const failure = await agent.ready().then(
      () => null,
      (error: SallyportError) => error,
    );
    const profile = failure === null ? await agent.check() : agent.profile;
    if (
      profile !== null &&
      (failure === null || profile.samples > 0 || profile.type === 'blocked' || failure.code === 'MASTER_UNREACHABLE')
    ) {
      check.tell(profile, false);
      const refined = await check.refined(profile);
      check.tell(refined, true);
      await ways;
      await check.report(refined);
    }
    await ways;
    if (failure !== null) throw failure;
    if (flags.with !== undefined) await tryPair(invocation, agent, { code: flags.with, password });
    while (everyMs !== null && !invocation.signal.aborted) {
      await sleep(everyMs, undefined, { signal: invocation.signal }).catch(() => {});
      if (invocation.signal.aborted) break;
      const again = await agent.check();
      check.tell(again, true);
      await check.report(again);
    }
  });
}

/** What one run of the command has seen. */
class Check {
  readonly #invocation: Invocation;
  readonly #flags: CheckFlags;
  readonly #agent: Agent;
  readonly #beganAt = performance.now();
  #probes: readonly ProbeResult[] = [];
  #ways: WaysShown | null = null;

  constructor(invocation: Invocation, flags: CheckFlags, agent: Agent) {
    this.#invocation = invocation;
    this.#flags = flags;
    this.#agent = agent;
    agent.on('event', (event) => {
      if (event.ev === 'profile') this.#probes = event.probes;
    });
  }

  /** Which ways to the master pass: asked once, beside the measuring. */
  async askWays(): Promise<void> {
    const reports = await this.#agent.ways();
    const link = parseMasterLink(this.#flags.master ?? '');
    if (!('problem' in link) && reports.length > 0) this.#ways = { reports, link };
    this.#invocation.terminal.event('ways', { ways: reports });
  }

  /** `refined`: everything has been waited for that is waited for at all. */
  tell(profile: NatProfile, refined: boolean): void {
    const { masterRttMs, routerAskedMs } = this.#circumstances();
    this.#invocation.terminal.event('profile', {
      profile,
      probes: this.#probes,
      refined,
      masterRttMs,
      routerAskedMs,
    });
  }

  /** What follows the profile soon, and what the router says, until the report is due. */
  async refined(profile: NatProfile): Promise<NatProfile> {
    let newest = profile;
    const answered = new AbortController();
    const look = (): void => {
      const { upnp, natPmp, pcp } = newest.portMapping;
      if (this.#agent.gateway === null || ![upnp, natPmp, pcp].includes('untested')) answered.abort();
    };
    this.#agent.on('event', (event) => {
      if (event.ev !== 'profile') return;
      newest = event.profile;
      look();
    });
    look();
    const { signal } = this.#invocation;
    const wait = async (wishedMs: number, until: AbortSignal): Promise<void> => {
      const leftMs = this.#beganAt + CLI_LIMITS.checkReportMs - performance.now();
      await sleep(Math.max(0, Math.min(wishedMs, leftMs)), undefined, { signal: until }).catch(() => {});
    };
    await wait(CLI_LIMITS.checkRefineMs, signal);
    await wait(CLI_LIMITS.checkReportMs, AbortSignal.any([answered.signal, signal]));
    return newest;
  }

  async report(profile: NatProfile): Promise<void> {
    const { terminal, env } = this.#invocation;
    const showIps = this.#flags['show-ips'];
    const circumstances = this.#circumstances();
    const receiveBytes = narrowReceive();
    const lines = [
      ...reportLines(profile, { showIps, ways: this.#ways, receiveBytes, probes: this.#probes, ...circumstances }),
      ...(this.#flags.probes ? probeLines(this.#probes, { showIps }) : []),
    ];
    terminal.page(lines.join('\n'));
    if (this.#flags.copy) {
      const masked = reportLines(profile, {
        showIps: false,
        ways: this.#ways,
        receiveBytes,
        probes: this.#probes,
        ...circumstances,
      });
      const copied = await copyToClipboard(masked.join('\n'), env);
      terminal.say(copied ? t('Report copied, addresses masked.') : t('This system has no clipboard tool.'));
    }
    const failOn = this.#flags['fail-on'] as Verdict | undefined;
    if (failOn !== undefined && STRICTNESS[profile.verdict] >= STRICTNESS[failOn]) {
      throw new SallyportError('TOO_STRICT', {
        detail: t('The verdict is "{verdict}".', { verdict: profile.verdict }),
      });
    }
  }

  #circumstances(): Pick<ReportOptions, 'masterRttMs' | 'masterWay' | 'routerAskedMs'> {
    const { link } = this.#agent;
    return {
      masterWay: link?.state === 'up' ? (link.way ?? null) : null,
      masterRttMs: link?.rttMs ?? null,
      routerAskedMs: this.#agent.gateway === null ? null : Math.round(performance.now() - this.#beganAt),
    };
  }
}

const STRICTNESS: Readonly<Record<Verdict, number>> = { open: 0, moderate: 1, strict: 2 };
