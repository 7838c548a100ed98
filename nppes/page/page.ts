import type { ListedRelease } from './due.ts';
import { parseReleaseName } from './release.ts';

const entities: Readonly<Record<string, string>> = { amp: '&', quot: '"', apos: "'", lt: '<', gt: '>' };

/**
 * The releases that the page links, in the order of the page, each once.
 *
 * Only the file name in the href counts: ids change, link texts are free, and the markup is malformed (two doctypes, stray
 * tags; seen in 2023 and 2026). Links to another host than the page's own are ignored, and so are links from a web page to
 * this disk. A page that a browser saved has absolute links to the web: they mean the file of that name beside the page.
 */
export function releasesOnPage(html: string, pageUrl: string): ListedRelease[] {
  const byUrl = new Map<string, ListedRelease>();
  for (const [, double, single, bare] of html
    .replace(/<!--[\s\S]*?-->/g, '')
    .matchAll(/\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))/gi)) {
    const link = linkedRelease(decodeEntities(double ?? single ?? bare ?? ''), pageUrl);
    if (link && !byUrl.has(link.url)) byUrl.set(link.url, link);
  }
  return Array.from(byUrl.values());
}

function linkedRelease(href: string, pageUrl: string): ListedRelease | undefined {
  if (!URL.canParse(href, pageUrl)) return undefined;
  const [url, page] = [new URL(href, pageUrl), new URL(pageUrl)];
  const release = parseReleaseName(fileNameOf(url));
  if (!release) return undefined;
  if (page.protocol === 'file:' && url.host !== '')
    return { release, url: new URL(release.fileName, page).href };
  const isOnDisk = ({ protocol }: URL) => protocol === 'file:';
  if (url.host !== page.host || isOnDisk(url) !== isOnDisk(page)) return undefined;
  return { release, url: url.href };
}

function fileNameOf(url: URL): string {
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    // A stray % cannot be decoded. Such a name is not one of CMS's in any case.
    return name;
  }
}

function decodeEntities(text: string): string {
  return text.replace(/&(amp|quot|apos|lt|gt);/g, (_, name: string) => entities[name] ?? '').trim();
}
