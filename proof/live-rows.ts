import type { PublishedFile } from '../db/ledger/releases.ts';
import { deactivationOf, digestOf, type RowDigest } from '../db/registry/check-rows.ts';
import type { RowBlock } from '../nppes/rows/row-block.ts';
import { tsvFields } from '../nppes/rows/tsv.ts';
import { rankOf } from '../nppes/rows/winner.ts';

const [unseen, equal, different] = [0, 1, 2];

/**
 * The digests of live rows in the order of their NPIs, to be compared with the files that set them. Keeps about 60 bytes for
 * each row, because the whole registry has almost ten million.
 */
export class LiveRows {
  readonly #npis: number[] = [];
  readonly #types: number[] = [];
  readonly #digests: number[] = [];
  readonly #dates: string[] = [];
  /** Release IDs; 0 for none. */
  readonly #dataReleases: number[] = [];
  readonly #dateReleases: number[] = [];

  /** The NPIs that have a row in more than one table. */
  readonly repeated: number[] = [];

  get count(): number {
    return this.#npis.length;
  }

  add({ npi, type, digest, deactivationDate, dataRelease, deactivationRelease }: RowDigest): void {
    if (this.#npis.at(-1) === npi) {
      this.repeated.push(npi);
      return;
    }
    this.#npis.push(npi);
    this.#types.push(type);
    this.#digests.push(digest);
    this.#dates.push(deactivationDate);
    this.#dataReleases.push(dataRelease ?? 0);
    this.#dateReleases.push(deactivationRelease ?? 0);
  }

  /** How many rows each release set, in whole or only their deactivation date. The key 0 stands for rows of no release. */
  rowsByRelease(): Map<number, number> {
    const rows = new Map<number, number>();
    const count = (release: number) => rows.set(release, (rows.get(release) ?? 0) + 1);
    for (let i = 0; i < this.count; i++) {
      const [row, date] = this.#originOf(i);
      count(row);
      if (date !== row) count(date);
    }
    return rows;
  }

  /** Begins the comparison with the file of a release. */
  comparison(release: PublishedFile): FileComparison {
    return new FileComparison(this, release.releaseId);
  }

  /** The place of an NPI, or -1. */
  placeOf(npi: number): number {
    let [low, high] = [0, this.count - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.#npis[middle] as number;
      if (found === npi) return middle;
      if (found < npi) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  npiAt(place: number): number {
    return this.#npis[place] as number;
  }

  isSetBy(place: number, releaseId: number): boolean {
    return this.#originOf(place).includes(releaseId);
  }

  /** Whether the winning row of a release's file is what the live row says that this release set. */
  isAs(place: number, releaseId: number, type: number, fields: readonly string[]): boolean {
    const [row, date] = this.#originOf(place);
    const isOfRow = row === releaseId;
    if (type !== (isOfRow ? this.#types[place] : 0)) return false;
    if (isOfRow && digestOf(fields) !== this.#digests[place]) return false;
    return date !== releaseId || deactivationOf(fields) === this.#dates[place];
  }

  /** The release of the row, and the one of its deactivation date. A row of `npi_data_0` is a stub, which one release sets. */
  #originOf(place: number): readonly [row: number, date: number] {
    const data = this.#dataReleases[place] as number;
    const date = this.#dateReleases[place] as number;
    if (this.#types[place] === 0) return [date, date];
    return [data, date === 0 ? data : date];
  }
}

/** The comparison of live rows with one file, block by block. */
export class FileComparison {
  readonly #live: LiveRows;
  readonly #releaseId: number;
  /** The rank of the best line of each live row so far; see `rankOf`. */
  readonly #ranks: Float64Array;
  readonly #verdicts: Uint8Array;

  constructor(live: LiveRows, releaseId: number) {
    this.#live = live;
    this.#releaseId = releaseId;
    this.#ranks = new Float64Array(live.count);
    this.#verdicts = new Uint8Array(live.count);
  }

  add({ lines, tsv }: RowBlock): void {
    for (let i = 0; i < lines.count; i++) {
      const place = this.#live.placeOf(lines.npis[i] as number);
      if (place === -1 || !this.#live.isSetBy(place, this.#releaseId)) continue;
      const rank = rankOf(lines, i);
      if (rank < (this.#ranks[place] as number)) continue;
      this.#ranks[place] = rank;
      const fields = tsvFields(tsv.toString('utf8', lines.starts[i], lines.ends[i]));
      const isAs = this.#live.isAs(place, this.#releaseId, lines.types[i] as number, fields);
      this.#verdicts[place] = isAs ? equal : different;
    }
  }

  /** After the last block: the rows that the file does not have, or has with other values. */
  *differences(): Generator<{ readonly npi: number; readonly what: 'differs' | 'not in the file' }> {
    for (let place = 0; place < this.#live.count; place++) {
      if (this.#verdicts[place] === equal || !this.#live.isSetBy(place, this.#releaseId)) continue;
      const what = this.#verdicts[place] === unseen ? 'not in the file' : 'differs';
      yield { npi: this.#live.npiAt(place), what };
    }
  }
}
