import { connected, local } from '../local.ts';
import { t } from '../messages/index.ts';

/** One sentence about the own network; nothing where nobody is there who could tell it. */
export function OwnNetwork() {
  const { profile = null, master, unmeasured = null } = local.value ?? {};
  if (profile === null)
    return connected.value && master?.state === 'up' ? <p class="dim">{t('host.easy.unknown')}</p> : null;
  const known = unmeasured === null || unmeasured === 'not-now';
  return (
    <p aria-live="polite" id="own-network" class="dim">
      {t('host.yourNetwork')}: {known ? t(`host.easy.${profile.verdict}`) : t(`net.s.${unmeasured}`)}
    </p>
  );
}
