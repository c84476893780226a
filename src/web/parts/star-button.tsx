import { useComputed } from '@preact/signals';
import { Star } from 'lucide';
import type { Server } from '../../master/api.ts';
import { Icon } from '../kit/icon.tsx';
import { favourites } from '../list.ts';
import { t } from '../messages/index.ts';
import { toggleFavourite } from './server-acts.ts';

/** A star is a favourite or not; in the list the row's key F does the same, so Tab does not stop at each. */
export function StarButton(props: { readonly row: Server; readonly inList?: boolean }) {
  const { row, inList = false } = props;
  const pressed = useComputed(() => favourites.value.has(row.code));
  return (
    <button
      type="button"
      class={inList ? 'star' : 'star quiet'}
      tabindex={inList ? -1 : 0}
      aria-pressed={pressed.value}
      aria-label={inList ? t('servers.favouriteOf', { name: row.name }) : undefined}
      onClick={() => void toggleFavourite(row)}
    >
      <Icon of={Star} />
      {inList ? null : t('servers.favourite')}
    </button>
  );
}
