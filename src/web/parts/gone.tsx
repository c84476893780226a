import { KeyRound, Power } from 'lucide';
import { EmptyState } from '../kit/empty-state.tsx';
import { locked, quitHere } from '../local.ts';
import { t } from '../messages/index.ts';

/** In place of a screen, where there is no program to speak to: nothing of what was pretends to go on. */
export function Gone() {
  if (locked.value)
    return (
      <div role="alert">
        <EmptyState icon={KeyRound} title={t('gone.locked')}>
          <p>{t('common.locked')}</p>
        </EmptyState>
      </div>
    );
  return (
    <div role="alert">
      <EmptyState icon={Power} title={quitHere.value ? t('gone.quit') : t('gone.stopped')}>
        <p>{quitHere.value ? t('gone.quitAbout') : t('problem.OFFLINE')}</p>
      </EmptyState>
    </div>
  );
}
