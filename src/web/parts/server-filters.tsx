import { Search } from 'lucide';
import { gameName } from '../games.ts';
import { Icon } from '../kit/icon.tsx';
import { filters, games } from '../list.ts';
import { t } from '../messages/index.ts';

export function ServerFilters() {
  const wanted = filters.value;
  const tick = (key: 'onlyVerified' | 'notFull' | 'withPeople', text: string) => (
    <label class="tick chip">
      <input
        type="checkbox"
        checked={wanted[key]}
        onChange={(event) => (filters.value = { ...wanted, [key]: event.currentTarget.checked })}
      />
      {text}
    </label>
  );
  const pingMax = (text: string): number | null => (text === '' ? null : Number(text));
  return (
    <search class="filters">
      <span class="find">
        <Icon of={Search} />
        <input
          type="search"
          id="filter"
          aria-label={t('servers.filter')}
          placeholder={t('servers.filter')}
          value={wanted.text}
          onInput={(event) => (filters.value = { ...wanted, text: event.currentTarget.value })}
        />
      </span>
      <div class="filter-chips">
        <select
          aria-label={t('servers.game')}
          value={wanted.game}
          onChange={(event) => (filters.value = { ...wanted, game: event.currentTarget.value })}
        >
          <option value="">{t('servers.gameAny')}</option>
          {games.value.map((game) => (
            <option key={game} value={game}>
              {gameName(game)}
            </option>
          ))}
        </select>
        {tick('onlyVerified', t('servers.onlyJoinable'))}
        {tick('notFull', t('servers.notFull'))}
        {tick('withPeople', t('servers.withPeople'))}
        <label class="tick chip">
          {t('servers.maxPing')}
          <input
            type="number"
            min="1"
            max="999"
            placeholder={t('servers.maxPingUnit')}
            value={wanted.pingMaxMs ?? ''}
            onInput={(event) => (filters.value = { ...wanted, pingMaxMs: pingMax(event.currentTarget.value) })}
          />
        </label>
      </div>
    </search>
  );
}
