// Drives a Lemonway with a client that others wrote, unmodified; prints one JSON object with what each step gave.
//
//     node drive.js ADDRESS read EMAIL…      reads wallets by e-mail
//     node drive.js ADDRESS                  registers, updates, reads back, and meets the errors

const LemonWayClient = require('@innocells/lemonway-client').default;

const [address, task, ...emails] = process.argv.slice(2);
const url = `${address}/mb/demo/dev/directkitjson2/Service.asmx`;
const client = new LemonWayClient('night', 'planted-secret-Zq81', url, 'node', '127.0.0.1');

const refused = async step => {
  try {
    await step();
    return 'no error';
  } catch (error) {
    return error.code || error.message;
  }
};

const everything = async () => ({
  registered: await client.registerWallet('W00001', 'anne@example.org', 'Anne', 'Roy', 'FRA', '127.0.0.1'),
  second: await client.registerWallet('W00002', 'paul@example.org', 'Paul', 'Roy', 'FRA', '127.0.0.1'),
  again: await refused(() => client.registerWallet('W00001', 'x@example.org', 'Anne', 'Roy', 'FRA', '127.0.0.1')),
  updated: await client.updateWalletDetails('W00001', { newEmail: 'anne.roy@example.org', newCity: 'Lille' }, '127.0.0.1'),
  byWallet: await client.getWalletDetails(null, 'W00001'),
  byEmail: await client.getWalletDetails('Anne.Roy@example.org'),
  byOldEmail: await client.getWalletDetails('anne@example.org'),
  unknown: await client.getWalletDetails(null, 'W99999'),
  unknownUpdate: await refused(() => client.updateWalletDetails('W99999', { newCity: 'Lille' }, '127.0.0.1')),
  usedEmail: await refused(() => client.updateWalletDetails('W00002', { newEmail: 'anne.roy@example.org' }, '127.0.0.1')),
  badDate: await refused(() => client.updateWalletDetails('W00002', { newBirthDate: '1985-03-21' }, '127.0.0.1')),
  otherMethod: await refused(() => client.moneyOut('W00001', '1.00'))
});

const read = async () => Promise.all(emails.map(email => client.getWalletDetails(email)));

(task === 'read' ? read() : everything()).then(
  result => console.log(JSON.stringify(result)),
  error => {
    console.error(error);
    process.exitCode = 1;
  }
);
