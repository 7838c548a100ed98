import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { releasesOnPage } from '../../../nppes/page/page.ts';

const site = new URL('../../../../shared/nppes/site/', import.meta.url);
if (!existsSync(site)) console.warn('SKIPPED: copies of the CMS page are in the folder ../shared');
const pageUrl = 'https://cms.test/nppes/NPI_Files.html';
const names = (html: string) => releasesOnPage(html, pageUrl).map(({ release }) => release.fileName);

describe('the page', () => {
  const weekly = 'NPPES_Data_Dissemination_092126_092726_Weekly_V2.zip';

  it.each([
    `<a href='./${weekly}'>`,
    `<A HREF="${weekly}?a=1&amp;b=2">`,
    `<a class=x href=/nppes/${weekly}>`,
    `<td><a id='' href = './${weekly}'</td>`,
  ])('finds the release in %s', (html) => {
    expect(names(html)).toEqual([weekly]);
  });

  it.each([
    `<!-- <a href='./${weekly}'> -->`,
    `<a href='https://elsewhere.test/${weekly}'>`,
    `<a href='./${weekly}.html'>${weekly}</a>`,
    `<a href='http://[/${weekly}'>`,
    `<a href='%E0%A4%A.zip'>`,
  ])('gives none of %s', (html) => {
    expect(names(html)).toEqual([]);
  });

  it('gives each address once, in full', () => {
    const html = `<a href='./${weekly}'></a><a href="/nppes/${weekly}">`;
    expect(releasesOnPage(html, pageUrl).map(({ url }) => url)).toEqual([`https://cms.test/nppes/${weekly}`]);
  });
});

describe('a page on this disk', () => {
  const weekly = 'NPPES_Data_Dissemination_092126_092726_Weekly_V2.zip';
  const onDisk = (href: string) =>
    releasesOnPage(`<a href='${href}'>`, 'file:///data/NPI_Files.html').map(({ url }) => url);

  it('links files beside it', () => {
    expect(onDisk(`./zips/${weekly}`)).toEqual([`file:///data/zips/${weekly}`]);
  });

  it.each([`https://cms.test/nppes/${weekly}`, `//cms.test/${weekly}`])(
    'that a browser saved means, by %s, the file beside it',
    (href) => {
      expect(onDisk(href)).toEqual([`file:///data/${weekly}`]);
    },
  );

  it('gives none of an address that is neither a file nor on the web', () => {
    expect(onDisk(`data:,/${weekly}`)).toEqual([]);
  });

  it('is linked by no page of a server', () => {
    expect(names(`<a href='file:///data/${weekly}'>`)).toEqual([]);
  });
});

it('a page like that of autumn 2026 gives its monthly, report and weeklies, and the weeklies of a notice', () => {
  const item = (id: string, name: string, text: string) =>
    `\t<li><a ${id}href='./${name}' aria-label='${text}'>${text}</a> - ZIP format (6.21 MB)</li> <br>\r\n`;
  const listed = [
    'NPPES_Data_Dissemination_September_2026_V2.zip',
    'NPPES_Deactivated_NPI_Report_091426_V2.zip',
    'NPPES_Data_Dissemination_090726_091326_Weekly_V2.zip',
    'NPPES_Data_Dissemination_091426_092026_Weekly_V2.zip',
  ];
  const inNotice = 'NPPES_Data_Dissemination_020623_021223_Weekly.zip';
  const html = [
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">\n<HTML><LINK href="css/screen1.css">',
    `<DIV>Two files were replaced:${item('', inNotice, 'Weekly Update - 020623_021223')}</DIV>`,
    '<a href="mailto:npifiles@cms.test">write to us</a><!-- <a href="./NPPES_Data_Dissemination_May_2007.zip">old</a> -->',
    ...listed.map((name, i) =>
      item(i === 0 ? "id='DDSMTH.ZIP.D' " : '', name, 'NPPES Data Dissemination V.2'),
    ),
    '<a href="" onclick="window.open(\'https://cms.test/subscribe\')"><img src="images/subscribe.png"/></a></HTML>',
  ];
  expect(names(html.join('\n'))).toEqual([inNotice, ...listed]);
});

describe.skipIf(!existsSync(site))('the copies of the CMS page', () => {
  const read = (name: string) => names(readFileSync(new URL(name, site), 'utf8'));

  it('of November 2023: the monthly, the report, the weeklies, and four old weeklies of a notice', () => {
    const found = read('NPI_Files_2023-11.html');
    expect(found).toContain('NPPES_Data_Dissemination_October_2023.zip');
    expect(found.filter((name) => name.endsWith('23_Weekly.zip')).length).toBeGreaterThan(4);
    expect(found).toContain('NPPES_Data_Dissemination_020623_021223_Weekly.zip');
  });

  it('of autumn 2026: the monthly, the report, four weeklies and the notice', () => {
    expect(read('NPI_Files_2026-10_reconstructed.html').filter((name) => name.endsWith('_V2.zip'))).toEqual([
      'NPPES_Data_Dissemination_September_2026_V2.zip',
      'NPPES_Deactivated_NPI_Report_091426_V2.zip',
      'NPPES_Data_Dissemination_090726_091326_Weekly_V2.zip',
      'NPPES_Data_Dissemination_091426_092026_Weekly_V2.zip',
      'NPPES_Data_Dissemination_092126_092726_Weekly_V2.zip',
      'NPPES_Data_Dissemination_092826_100426_Weekly_V2.zip',
    ]);
  });
});
