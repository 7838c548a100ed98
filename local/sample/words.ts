// Syllables and words for the names of generated providers. They do not come from a list of people.

/** Beginnings of last names: at least one for every letter. */
export const nameStarts = (
  'AL AR BEL BRAN CAR COR DEL DUN EL EV FAR FEN GAL GOR HAL HART IN IV JAR JEN KEL KIR LAN LOR MAR MON NEL NOR OS OR ' +
  'PAR PEL QUIN QUEL RAN ROS SAL SIM STAN TAL TOR UL UR VAL VER WAL WIN XAN XEN YAR YOR ZAN ZEL ELM OST LUN'
).split(' ');

/** Beginnings beyond A-Z. None of 8,514 names of real files has one. */
export const rareNameStarts = ['ÉL', 'ØST', 'ŁAN'];
export const nameMiddles = ['', 'BER', 'DE', 'EN', 'ING', 'LO', 'MER', 'NI', 'TER', 'VI'];
export const nameEnds =
  'BY DEN FORD GROVE HAM LAND LEY MAN MORE NESS RIDGE ROW SEN SON STEAD TON VAR WELL WICK WOOD'.split(' ');

export const firstNames = (
  'ADA ALBAN BERYL BRUNO CLARA CONRAD DELIA DORIAN EDITH ELIAS FLORA FELIX GRETA GIDEON HAZEL HUGO IDA IVOR JUNE ' +
  'JONAS KARIN KASPAR LEONA LUCAS MABEL MARCO NELL NILS OLIVE OSCAR PEARL PIERS ROSA RUFUS STELLA SILAS THEA TOBIAS ' +
  'UNA URBAN VERA VICTOR WANDA WILLA XENIA YVES ZORA ZENO'
).split(' ');
export const middleNames = ['', '', '', 'A', 'B', 'C', 'J', 'L', 'M', 'R'];
export const credentials = ['M.D.', 'MD', 'D.O.', 'DPM', 'RN', 'LCSW', 'PT', 'PHARMD', 'NP', 'PA-C', ''];

export const organizationKinds = (
  'SURGERY CENTER|MEDICAL GROUP|FAMILY CLINIC|PHYSICAL THERAPY LLC|HOME HEALTH INC|PHARMACY|DENTAL CARE|' +
  'IMAGING ASSOCIATES|ORTHOPAEDICS, P.C.|COUNSELING SERVICES'
).split('|');

export const streets =
  'MAIN ST|OAK AVE|N 4TH ST|HIGHLAND BLVD|W MAPLE RD|COUNTY ROAD 12|PARK PLAZA STE 200|LAKE SHORE DR|HOSPITAL WAY|PO BOX'.split(
    '|',
  );

/** City, state and the first three digits of its postal codes. */
export const places = [
  ['BIRMINGHAM', 'AL', '352'],
  ['PHOENIX', 'AZ', '850'],
  ['SACRAMENTO', 'CA', '958'],
  ['DENVER', 'CO', '802'],
  ['TAMPA', 'FL', '336'],
  ['ATLANTA', 'GA', '303'],
  ['CHICAGO', 'IL', '606'],
  ['BOSTON', 'MA', '021'],
  ['DETROIT', 'MI', '482'],
  ['SAINT PAUL', 'MN', '551'],
  ['RALEIGH', 'NC', '276'],
  ['OMAHA', 'NE', '681'],
  ['ALBANY', 'NY', '122'],
  ['COLUMBUS', 'OH', '432'],
  ['PORTLAND', 'OR', '972'],
  ['PITTSBURGH', 'PA', '152'],
  ['SAN JUAN', 'PUERTO RICO', '009'],
  ['NASHVILLE', 'TN', '372'],
  ['HOUSTON', 'TX', '770'],
  ['SEATTLE', 'WA', '981'],
] as const;

export const individualTaxonomies = [
  '207X00000X',
  '208600000X',
  '207Q00000X',
  '363L00000X',
  '1041C0700X',
  '225100000X',
];
export const organizationTaxonomies = ['261QA1903X', '261QM1300X', '3336C0003X', '251E00000X', '282N00000X'];
