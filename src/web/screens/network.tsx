import { Router } from 'lucide';
import type { Allocator, NatProfile, Tested } from '../../core/nat/profile.ts';
import { createMask, duration, percent } from '../format.ts';
import { Card } from '../kit/card.tsx';
import { EmptyState } from '../kit/empty-state.tsx';
import { command, local, streamer } from '../local.ts';
import { t } from '../messages/index.ts';
import { CopyButton } from '../parts/copy-button.tsx';
import { VerdictBadge } from '../parts/verdict.tsx';
import { WayOut } from '../parts/way-out.tsx';
import { followInPage } from '../router.ts';

interface Fact {
  readonly what: string;
  readonly value: string;
  readonly meaning: string;
}

export function Network() {
  const state = local.value;
  const profile = state?.profile ?? null;
  return (
    <section class="stack" aria-labelledby="net-title">
      <h1 id="net-title">{t('net.title')}</h1>
      {profile === null ? <NotTested /> : <Report profile={profile} />}
    </section>
  );
}

function TestButton(props: { readonly text: string }) {
  const checking = local.value?.checking ?? false;
  return (
    <button type="button" id="test-again" disabled={checking} onClick={() => void command({ do: 'check' })}>
      {checking ? t('net.testing') : props.text}
    </button>
  );
}

/** Nothing is known yet: it is on its way, or nobody outside has been there to ask. */
function NotTested() {
  if (local.value === null) return null;
  const alone = local.value.master.state === 'none';
  return (
    <div class="card" role="status">
      <EmptyState icon={Router} title={t(alone ? 'net.alone' : 'net.never')}>
        <p>{t(alone ? 'net.aloneAbout' : 'net.neverAbout')}</p>
        {alone ? (
          <a class="button" href="/host" onClick={followInPage}>
            {t('servers.chooseMaster')}
          </a>
        ) : (
          <TestButton text={t('net.first')} />
        )}
      </EmptyState>
    </div>
  );
}

/** What is not known is not blamed on this network. */
function sentenceOf(profile: NatProfile): string {
  const missing = local.value?.unmeasured ?? null;
  if (missing !== null && missing !== 'not-now') return t(`net.s.${missing}`);
  if (profile.type === 'blocked') return t('net.s.blocked');
  return `${t(`net.s.${profile.verdict}`)}${missing === null ? '' : ` ${t('net.s.not-now')}`}`;
}

function Report(props: { readonly profile: NatProfile }) {
  const { profile } = props;
  const state = local.value;
  const mask = streamer.value ? createMask() : (text: string) => text;
  return (
    <>
      <section class="card ticket" aria-label={t('net.way')}>
        <p class="verdict-line" aria-live="polite">
          <VerdictBadge verdict={profile.verdict} /> <span>{sentenceOf(profile)}</span>
        </p>
        <WayOut profile={profile} />
        <div class="row-line">
          <p class="actions">
            <TestButton text={t('net.again')} />
            <CopyButton text={() => report(profile)} label={t('net.copy')} id="copy-report" />
            <CopyButton text={() => createMask()(JSON.stringify(profile, null, 2))} label={t('net.json')} />
          </p>
          <p class="hint">
            {t('net.last', {
              age: duration(state?.profileAt ? Date.now() - state.profileAt : 0),
              samples: profile.samples,
              percent: percent(profile.confidence),
            })}
          </p>
        </div>
      </section>
      <Card title={t('net.facts')}>
        <table class="facts">
          <thead>
            <tr>
              <th scope="col">{t('net.fact')}</th>
              <th scope="col">{t('net.value')}</th>
              <th scope="col">{t('net.meaning')}</th>
            </tr>
          </thead>
          <tbody>
            {factsOf(profile).map((fact) => (
              <tr key={fact.what}>
                <th scope="row">{fact.what}</th>
                <td>{mask(fact.value)}</td>
                <td>{fact.meaning}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Card>
      <PortMapping report={profile.portMapping} />
      <details class="card">
        <summary>{t('net.probesOf', { n: state?.probes.length ?? 0 })}</summary>
        <table class="probes">
          <thead>
            <tr>
              <th scope="col">{t('net.destination')}</th>
              <th scope="col">{t('net.seenAs')}</th>
            </tr>
          </thead>
          <tbody>
            {(state?.probes ?? []).map((probe, index) => (
              <tr key={index}>
                <td>{mask(probe.destination)}</td>
                <td>{probe.seenAs === null ? t('common.none') : mask(probe.seenAs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}

/** What has come of asking the router for an open port, and the button that asks once more. */
function PortMapping(props: { readonly report: NatProfile['portMapping'] }) {
  const { claim, external } = props.report;
  const said = claim === 'shut' ? 'net.portmapShut' : claim === 'untried' ? 'net.portmapUntried' : 'net.portmapNone';
  return (
    <Card title={t('net.portmap')}>
      <p aria-live="polite" id="port-mapping">
        {external === null ? t(said) : t('net.portmapOpen', { port: external.port })}
      </p>
      {external === null ? (
        <p class="actions">
          <button type="button" class="quiet" id="map-port" onClick={() => void command({ do: 'map-port' })}>
            {t('net.portmapAsk')}
          </button>
        </p>
      ) : null}
    </Card>
  );
}

function tested(value: Tested): string {
  return value === 'yes' ? t('common.yes') : value === 'no' ? t('common.no') : t('common.notTested');
}

function numberOr(value: number | null): string {
  return value === null ? t('common.notTested') : String(value);
}

function ruleOf(allocator: Allocator): string {
  const { kind } = allocator;
  return t(`net.rule.${kind}`, {
    step: signed(allocator.step ?? 0),
    low: allocator.low ?? '?',
    high: allocator.high ?? '?',
  });
}

function signed(step: number): string {
  return step > 0 ? `+${step}` : String(step);
}

/** Value and meaning of everything known; what was not tested says so. */
function factsOf(profile: NatProfile): readonly Fact[] {
  const { portMapping } = profile;
  return [
    { what: t('net.type'), value: t(`net.type.${profile.type}`), meaning: t('net.typeMean') },
    {
      what: t('net.delta'),
      value: profile.delta === null ? t('common.unknown') : signed(profile.delta),
      meaning: t('net.deltaMean'),
    },
    { what: t('net.lastPort'), value: numberOr(profile.lastPort), meaning: t('net.lastPortMean') },
    {
      what: t('net.nextPort'),
      value: profile.predictedNextPort === null ? t('net.nextRule') : String(profile.predictedNextPort),
      meaning: t('net.nextMean'),
    },
    { what: t('net.mapping'), value: t(`net.mapping.${profile.mapping}`), meaning: t('net.mappingMean') },
    { what: t('net.rule'), value: ruleOf(profile.allocator), meaning: t('net.ruleMean') },
    { what: t('net.filtering'), value: t(`net.filtering.${profile.filtering}`), meaning: t('net.filteringMean') },
    {
      what: t('net.idle'),
      value:
        profile.idleLifetimeMs === null
          ? t('common.notTested')
          : t('net.idleValue', { seconds: Math.round(profile.idleLifetimeMs / 1000) }),
      meaning: t('net.idleMean'),
    },
    { what: t('net.hairpin'), value: tested(profile.hairpin), meaning: t('net.hairpinMean') },
    { what: t('net.layers'), value: numberOr(profile.layers), meaning: t('net.layersMean') },
    {
      what: t('net.portmap'),
      value: `UPnP ${tested(portMapping.upnp)} · NAT-PMP ${tested(portMapping.natPmp)} · PCP ${tested(portMapping.pcp)}`,
      meaning: t('net.portmapMean'),
    },
    { what: t('net.ipv6'), value: tested(profile.ipv6), meaning: t('net.ipv6Mean') },
    { what: t('net.mtu'), value: t('net.bytes', { n: local.value?.payloadBytesMax ?? 0 }), meaning: t('net.mtuMean') },
  ];
}

/** The report as text, addresses masked: safe to paste. */
function report(profile: NatProfile): string {
  const lines = factsOf(profile).map((fact) => `${fact.what}: ${fact.value}`);
  const probes = (local.value?.probes ?? []).map((probe) => `${probe.destination} -> ${probe.seenAs}`);
  return createMask()([`${t('net.title')}: ${t(`net.v.${profile.verdict}`)}`, ...lines, ...probes].join('\n'));
}
