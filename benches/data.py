"""The invented customers of the benchmark: 30 columns, the same bytes every time.

Values are valid, so that every one of them goes through mapping to the providers. Standard library only.
"""

import json
import random
from pathlib import Path

COLUMNS = (
    "customer_id title first_name last_name usual_name birth_date birth_city birth_country nationalities email "
    "mobile_phone landline_phone street address_building postal_code city country email_opt_in sms_opt_in mail_opt_in "
    "subscription_12 iban ip_address customer_type is_debtor person_identifier store_id wallet_id safedebit_reference "
    "updated_at"
).split()
FIRST = "Camille Léa Manon Chloé Inès Jade Louise Gabriel Raphaël Jules Adam Lucas Étienne François Jérôme Benoît".split()
LAST = "Martin Bernard Petit Durand Dubois Moreau Lefèvre Leroy Roux Fournier Girard Bonnet Müller Mercier Guérin Joly".split()
STREETS = ["des Lilas", "de la République", "Victor Hugo", "du Général de Gaulle", "Pasteur", "de la Gare", "Gambetta"]
TOWNS = [("75011", "Paris"), ("69003", "Lyon"), ("13006", "Marseille"), ("31000", "Toulouse"), ("59000", "Lille")]
SHUFFLE_SEED = 20261122


def iban(number):
    """A French IBAN of a bank code that is not given out, with both checksums."""
    bank, branch, account = "99999", "00001", f"{number:011d}"
    key = 97 - (89 * int(bank) + 15 * int(branch) + 3 * int(account)) % 97
    body = f"{bank}{branch}{account}{key:02d}"
    return f"FR{98 - int(body + '152700') % 97:02d}{body}"


def customer(n, version=0):
    """The cells of customer `n`; another version has another address and e-mail."""
    town = TOWNS[n % 5]
    first, last = FIRST[n % 16], LAST[n // 16 % 16]
    tail = "" if version == 0 else f".v{version}"
    return [
        f"C{n:08d}", "MF"[n % 2], first, last, LAST[n // 7 % 16], f"{n % 28 + 1:02d}/{n % 12 + 1:02d}/{1940 + n % 60}",
        TOWNS[n // 5 % 5][1], "FR", "FR", f"client.{n}{tail}@example.org", f"0612{n % 1000000:06d}",
        f"0142{n % 1000000:06d}", f"{n % 90 + 1 + version} rue {STREETS[n % 7]}", f"Bâtiment {n % 9 + 1}", town[0], town[1],
        "FRANCE", str(n % 2), str(n // 2 % 2), "1", str(n // 3 % 2), iban(n), f"192.0.2.{n % 250 + 1}", "person", "0",
        f"7700{n:09d}", f"{n % 300:04d}", f"W{n:09d}", f"REF{n:09d}",
        f"2026-11-{n % 20 + 1:02d}T0{n % 10}:00:00Z" if version == 0 else "2026-11-21T22:00:00Z",
    ]


def line(cells):
    return ";".join(cells) + "\n"


def make(folder, count, with_json=True):
    """Writes what the jobs need into `folder`, unless it stands there; gives the paths by name."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = ["sorted.csv", "shuffled.csv", "night.csv"] + (["sorted.jsonl"] if with_json else [])
    paths = {name: folder / name for name in names}
    if all(path.exists() for path in paths.values()):
        return paths
    with open(paths["sorted.csv"], "w") as out, open(paths["night.csv"], "w") as night:
        out.write(line(COLUMNS))
        night.write(line(COLUMNS))
        for n in range(count):
            text = line(customer(n))
            out.write(text)
            night.write(line(customer(n, 1)) if n % 100 == 37 else text)
        for n in range(count, count + count // 1000):
            night.write(line(customer(n)))
    shuffle(paths["sorted.csv"], paths["shuffled.csv"])
    if with_json:
        with open(paths["sorted.jsonl"], "w") as out:
            for n in range(count):
                out.write(json.dumps(dict(zip(COLUMNS, customer(n))), ensure_ascii=False) + "\n")
    return paths


def shuffle(source, target):
    """The same lines in another order. Only where they stand is held in memory."""
    offsets, at = [], 0
    with open(source, "rb") as lines:
        for text in lines:
            offsets.append((at, len(text)))
            at += len(text)
    header, rows = offsets[0], offsets[1:]
    random.Random(SHUFFLE_SEED).shuffle(rows)
    with open(source, "rb") as lines, open(target, "wb") as out:
        for at, length in [header] + rows:
            lines.seek(at)
            out.write(lines.read(length))
