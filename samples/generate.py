#!/usr/bin/env python3
"""Writes customers.csv, changes.jsonl and three exports: invented customers of an invented French shop.

    python3 samples/generate.py [FOLDER]

The same bytes every time (a test compares them with the committed files), Python's standard library only. Nobody in
them exists: e-mail domains are reserved by RFC 2606, network addresses by RFC 5737 and 3849, phone numbers by ARCEP
for fiction; bank codes, SIREN and RNA come out of ranges that are not given out, with checksums that hold. ARCEP's
mobile range for fiction (06 39 98) is refused by libphonenumber, so mobiles use the fixed ranges too.

customers.csv holds 1,000 customers in 1,007 rows: 3 older rows of customers who appear again, and 4 rows that are no
customer. 36 customers have one invalid value each, 3 an IPv6 address, which one provider cannot take. changes.jsonl
holds 60 of them again with the keys that changed, and 4 new ones.

The exports hold 30 customers each as three systems write them: salesforce.csv, hubspot.csv (with a byte order mark)
and excel.csv (a French spreadsheet: semicolons, windows-1252, a telephone number and a postal code that it spoiled).
"""

import json
import random
import sys
import unicodedata
from pathlib import Path

CUSTOMERS = 1000
CHANGED = 60
NEW = 4

HEADER = (
    "ID_CLIENT CIVILITE PRENOM NOM NOM_USAGE DATE_NAISSANCE VILLE_NAISSANCE PAYS_NAISSANCE NATIONALITES EMAIL MOBILE "
    "TEL_FIXE ADRESSE APPARTEMENT BATIMENT LIEU_DIT CP VILLE PAYS OPTIN_EMAIL OPTIN_EMAIL_PARTENAIRES OPTIN_SMS "
    "OPTIN_COURRIER ABO_NEWSLETTER IBAN IP_COLLECTE TYPE_CLIENT RAISON_SOCIALE SIREN NAF TVA_INTRACOM RNA "
    "CARTE_FIDELITE MAGASIN WALLET REF_SAFEDEBIT UPDATED_AT"
).split()

WOMEN = (
    "Camille Léa Manon Chloé Zoé Inès Jade Louise Alice Juliette Élodie Aurélie Céline Émilie Hélène Anaïs Maëlys "
    "Noémie Héloïse Agnès Françoise Geneviève Thérèse Monique Sylvie Nathalie Valérie Sandrine Stéphanie Fatima "
    "Aïcha Yasmine Mariam Rose-Marie Anne-Sophie Marie-Noëlle Solène Gwenaëlle Maïwenn Laëtitia"
).split()
MEN = (
    "Louis Gabriel Raphaël Jules Adam Lucas Hugo Théo Noé Léo Étienne François Frédéric Jérôme Sébastien Grégory "
    "Benoît Loïc Gaël Yann Maël Rémi Aurélien Cédric Jean-Pierre Jean-François Michel André René Gérard Hervé Noël "
    "Mohamed Karim Youssef Mamadou Tuan Aimé Barnabé Côme"
).split()
NAMES = (
    "Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefèvre Leroy Roux David "
    "Bertrand Morel Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Müller Lefebvre Faure André "
    "Mercier Blanc Guérin Boyer Garnier Chevalier François Legrand Gauthier Garcia Perrin Robin Clément Morin Nicolas "
    "Henry Roussel Mathieu Gautier Masson Marchand Duval Denis Dumont Noël Dufour Meyer Brunet Blanchard Joly Rivière "
    "Lemaître Nguyen Traoré Diallo Benali Haddad Pereira Öztürk Le-Gall Kerbrat L'Hostis D'Almeida N'Diaye "
    "Saint-Cyr Hoarau Payet Grondin Césaire Bélaïd Castañeda"
).split()
TOWNS = [
    ("75011", "Paris", 9), ("75018", "PARIS", 6), ("69003", "Lyon", 6), ("13006", "Marseille", 6), ("31000", "Toulouse", 5),
    ("06000", "Nice", 4), ("44000", "Nantes", 5), ("67000", "Strasbourg", 4), ("34000", "Montpellier", 4),
    ("33000", "Bordeaux", 5), ("59000", "Lille", 5), ("35000", "Rennes", 4), ("51100", "Reims", 2),
    ("42000", "Saint-Étienne", 3), ("38000", "Grenoble", 3), ("21000", "Dijon", 2), ("30000", "Nîmes", 2),
    ("45000", "Orléans", 2), ("76600", "Le Havre", 2), ("14000", "Caen", 2), ("29200", "Brest", 2),
    ("87000", "Limoges", 2), ("63000", "Clermont-Ferrand", 2), ("80000", "Amiens", 2), ("66000", "Perpignan", 2),
    ("57000", "Metz", 2), ("25000", "Besançon", 2), ("20000", "Ajaccio", 1), ("01000", "Bourg-en-Bresse", 1),
    ("09000", "Foix", 1), ("62100", "Calais", 1), ("94160", "Saint-Mandé", 1), ("92130", "Issy-les-Moulineaux", 2),
    ("78000", "Versailles", 2), ("64200", "Biarritz", 1), ("56000", "Vannes", 2), ("73000", "Chambéry", 1),
    ("05000", "Gap", 1), ("61000", "Alençon", 1), ("22300", "Lannion", 1),
]
OVERSEAS = [
    ("97110", "Pointe-à-Pitre", "Guadeloupe"), ("97180", "Sainte-Anne", "France"), ("97200", "Fort-de-France", "Martinique"),
    ("97232", "Le Lamentin", "FR"), ("97300", "Cayenne", "Guyane"), ("97400", "Saint-Denis", "La Réunion"),
    ("97410", "Saint-Pierre", "France"), ("97434", "La Saline-les-Bains", "FRANCE"), ("97500", "Saint-Pierre", "France"),
    ("97600", "Mamoudzou", "Mayotte"),
]
ABROAD = [
    ("1000", "Bruxelles", "Belgique"), ("4000", "Liège", "BE"), ("1204", "Genève", "Suisse"), ("L-1219", "Luxembourg", "LUX"),
    ("10115", "Berlin", "ALLEMAGNE"), ("98000", "Monaco", "Monaco"), ("08001", "Barcelona", "Espagne"),
]
KINDS = [("rue", 12), ("Rue", 6), ("RUE", 3), ("avenue", 6), ("av.", 2), ("boulevard", 3), ("bd", 2), ("place", 2),
         ("allée", 2), ("chemin", 2), ("impasse", 2), ("quai", 1), ("route", 1), ("square", 1), ("cours", 1)]
STREETS = [
    "des Lilas", "de la République", "Victor Hugo", "du Général de Gaulle", "des Écoles", "de l'Église", "du Moulin",
    "Jean Jaurès", "du 8 mai 1945", "du 11 novembre 1918", "Pasteur", "des Frères Lumière", "de la Liberté", "Gambetta",
    "du Château", "de la Gare", "Émile Zola", "Anatole France", "des Tilleuls", "du Maréchal Foch", "de Verdun",
    "Sainte-Catherine", "de l'Hôtel de Ville", "des Acacias", "Aimé Césaire", "du Vieux Port", "des Trois Épis", "d'Alésia",
]
WHOLE_LINES = ["Le Bourg", "Lieu-dit Kerguélen", "BP 123", "Grande Rue", "Ferme des Quatre Vents", "8 mai 1945 (place du)"]
ACTIVITIES = [("Boulangerie", "10.71C"), ("Garage", "45.20A"), ("Pharmacie", "47.73Z"), ("Librairie", "4761Z"),
              ("Menuiserie", "43.32A"), ("Conseil", "70.22Z"), ("Fleurs", "47.76Z"), ("Transports", "49.41A")]
CLUBS = ["Les Amis du Vélo", "Chorale Écho", "Tennis-Club", "Comité des Fêtes", "Secours du Cœur", "Ciné-Club", "Judo"]
LEGAL = ["SARL", "SAS", "EURL", "SA"]
DOMAINS = ["example.com", "example.org", "example.net"]
FICTION = ["0199 00", "0261 91", "0353 01", "0465 71", "0536 49"]
NETWORKS = ["192.0.2.", "198.51.100.", "203.0.113."]

# What may go wrong with one value: column, how often, and how the value looks then.
INVALID = [
    ("MOBILE", 4, lambda value, pick: "O" + pick(["199001234", "261910042", "353010815"])),
    ("MOBILE", 2, lambda value, pick: pick(["01 99 00 12", "0465 71 1"])),
    ("MOBILE", 1, lambda value, pick: "3,31990E+10"),
    ("DATE_NAISSANCE", 3, lambda value, pick: pick(["31/02/1980", "29/02/1985", "31/06/1972"])),
    ("DATE_NAISSANCE", 2, lambda value, pick: pick(["01/01/85", "12/11/79"])),
    ("DATE_NAISSANCE", 1, lambda value, pick: "14/07/1789"),
    ("EMAIL", 3, lambda value, pick: value.split("@")[0] + "@example"),
    ("EMAIL", 2, lambda value, pick: value.replace("@", " @")),
    ("EMAIL", 1, lambda value, pick: value + ";autre." + value),
    ("IBAN", 4, lambda value, pick: value[:4] + pick("13579") + value[5:]),
    ("CP", 3, lambda value, pick: pick(["6000", "1000", "9000"])),
    ("PAYS", 2, lambda value, pick: pick(["Syldavie", "XX"])),
    ("CIVILITE", 2, lambda value, pick: pick(["Dr", "Me"])),
    ("OPTIN_EMAIL", 2, lambda value, pick: "peut-être"),
    ("IP_COLLECTE", 2, lambda value, pick: "203.0.113.286"),
    ("SIREN", 2, lambda value, pick: value[:8] + str((int(value[8]) + 1) % 10)),
]
IPV6 = 3


class Chance:
    """Choices out of random() alone, the one method whose sequence Python promises to keep."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def below(self, count):
        return int(self.random() * count)

    def between(self, low, high):
        return low + self.below(high - low + 1)

    def often(self, share):
        return self.random() < share

    def pick(self, things):
        return things[self.below(len(things))]

    def weighed(self, things):
        return self.pick([thing for thing in things for _ in range(thing[-1])])

    def some(self, things, count):
        """Different things, in their order."""
        left = list(range(len(things)))
        chosen = sorted(left.pop(self.below(len(left))) for _ in range(count))
        return [things[index] for index in chosen]


def plain(text):
    """Lower case letters without accents, for e-mail addresses."""
    text = unicodedata.normalize("NFD", text.replace("Œ", "oe").replace("œ", "oe"))
    return "".join(letter for letter in text.lower() if letter.isascii() and (letter.isalnum() or letter == "-"))


def luhn_digit(digits):
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str(-total % 10)


def siren(chance):
    """Numbers that begin with 09 are not given out."""
    digits = "09" + "".join(str(chance.below(10)) for _ in range(6))
    return digits + luhn_digit(digits)


def french_vat(number):
    return f"FR{(12 + 3 * (int(number) % 97)) % 97:02}{number}"


def iban_of(country, account):
    digits = "".join(str(int(letter, 36)) for letter in account + country + "00")
    return f"{country}{98 - int(digits) % 97:02}{account}"


def iban(chance):
    """An account of a bank that does not exist (99999), with both keys."""
    branch, account = f"{chance.below(100000):05}", f"{chance.below(10**11):011}"
    key = 97 - (89 * 99999 + 15 * int(branch) + 3 * int(account)) % 97
    return iban_of("FR", f"99999{branch}{account}{key:02}")


def spaced(text):
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def phone(chance):
    digits = chance.pick(FICTION).replace(" ", "") + f"{chance.below(10000):04}"
    pairs = [digits[at : at + 2] for at in range(0, 10, 2)]
    forms = [digits, digits, " ".join(pairs), " ".join(pairs), ".".join(pairs), "-".join(pairs)]
    forms += ["+33" + digits[1:], "+33 (0)" + digits[1:], "0033" + digits[1:]]
    return chance.pick(forms)


def from_abroad(number):
    """A French number as somebody abroad writes it: a national one would be read by the plan of their country."""
    return "+33" + number[1:] if number.startswith("0") and not number.startswith("00") else number


def flag(chance, share):
    return chance.pick(["1", "oui"]) if chance.often(share) else chance.pick(["0", "non", "non"])


def day(chance, first, last):
    return f"{chance.between(1, 28):02}/{chance.between(1, 12):02}/{chance.between(first, last)}"


def moment(chance, year):
    date = f"{year}-{chance.between(1, 10):02}-{chance.between(1, 28):02}"
    return f"{date}T{chance.below(24):02}:{chance.below(60):02}:{chance.below(60):02}"


def street(chance):
    if chance.often(0.03):
        return chance.pick(WHOLE_LINES)
    number = str(chance.between(1, 180)) + chance.pick(["", "", "", "", "", "", " bis", "B", " ter", ","])
    return f"{number} {chance.weighed(KINDS)[0]} {chance.pick(STREETS)}"


def place(chance):
    share = chance.random()
    if share < 0.05:
        return chance.pick(OVERSEAS)
    if share < 0.07:
        return chance.pick(ABROAD)
    code, town, _ = chance.weighed(TOWNS)
    return code, town, chance.pick(["France", "France", "FRANCE", "FR", ""])


def person(chance, row):
    is_woman = chance.often(0.52)
    row["CIVILITE"] = chance.pick(["Mme", "Mme", "Madame", "Mlle"] if is_woman else ["M.", "M", "Monsieur", "M."])
    row["PRENOM"] = chance.pick(WOMEN if is_woman else MEN)
    row["NOM"] = chance.pick(NAMES)
    if chance.often(0.25):
        row["NOM"] = row["NOM"].upper()
    if is_woman and chance.often(0.15):
        row["NOM_USAGE"] = chance.pick(NAMES)
    row["DATE_NAISSANCE"] = day(chance, 1936, 2006)
    if chance.often(0.1):
        date = row["DATE_NAISSANCE"].split("/")
        row["DATE_NAISSANCE"] = "-".join(reversed(date))
    row["VILLE_NAISSANCE"] = chance.pick(TOWNS)[1] if chance.often(0.7) else ""
    row["PAYS_NAISSANCE"] = chance.pick(["France", "France", "FR", "FRA"]) if row["VILLE_NAISSANCE"] else ""
    row["NATIONALITES"] = chance.pick(["FR", "FR", "FR", "FR", "FRA", "FR,IT", "BE", "PT", "FR,DZ", ""])


def organisation(chance, row, kind):
    row["TYPE_CLIENT"] = kind
    if kind == "Association":
        row["RAISON_SOCIALE"] = chance.pick(CLUBS) + " de " + chance.pick(["Foix", "Brest", "Gap", "Caen", "Metz"])
        row["RNA"] = f"W99{chance.below(10**7):07}"
        return
    activity, code = chance.pick(ACTIVITIES)
    name = chance.pick([name for name in NAMES if len(name) < 9])
    row["RAISON_SOCIALE"] = chance.pick([f"{activity} {name}", f"{activity} {name} {chance.pick(LEGAL)}"])
    row["NAF"] = code
    row["SIREN"] = siren(chance)
    row["TVA_INTRACOM"] = french_vat(row["SIREN"]) if chance.often(0.8) else ""


def email(chance, row, used):
    first, last = plain(row["PRENOM"]), plain(row["NOM"])
    stem = chance.pick([f"{first}.{last}", f"{first[0]}{last}", f"{last}.{first}", f"{first}_{last}"])
    address = f"{stem}@{chance.pick(DOMAINS)}"
    suffix = 1
    while address in used:
        suffix += 1
        address = f"{stem}{suffix}@{chance.pick(DOMAINS)}"
    used.add(address)
    return address


def keys(chance, row, number):
    """Nearly everybody is known to all three providers, some to two, a few to one."""
    row["CARTE_FIDELITE"] = f"0{29900000000 + number * 37:011}"
    row["WALLET"] = f"W-{700000 + number}"
    row["REF_SAFEDEBIT"] = f"SD{2024000000 + number * 3}"
    names = ["CARTE_FIDELITE", "WALLET", "REF_SAFEDEBIT"]
    share = chance.random()
    for name in chance.some(names, 2 if share < 0.01 else 1 if share < 0.05 else 0):
        row[name] = ""


def customer(chance, number, used):
    row = dict.fromkeys(HEADER, "")
    row["ID_CLIENT"] = f"C{100000 + number}"
    person(chance, row)
    share = chance.random()
    row["TYPE_CLIENT"] = "Particulier"
    if share < 0.09:
        organisation(chance, row, "Association" if share < 0.03 else "Société")
    row["EMAIL"] = email(chance, row, used)
    row["MOBILE"] = phone(chance) if chance.often(0.9) else ""
    row["TEL_FIXE"] = phone(chance) if chance.often(0.3) else ""
    row["ADRESSE"] = street(chance)
    row["APPARTEMENT"] = chance.pick(["Apt 4", "Appt 12", "Étage 3", "Porte gauche"]) if chance.often(0.15) else ""
    row["BATIMENT"] = chance.pick(["Bât. B", "Résidence Les Cèdres", "Tour Sud", "Escalier 2"]) if chance.often(0.12) else ""
    row["LIEU_DIT"] = chance.pick(["Le Mas Neuf", "Kermorvan", "Les Gravières"]) if chance.often(0.04) else ""
    row["CP"], row["VILLE"], row["PAYS"] = town = place(chance)
    if town in ABROAD:
        row["MOBILE"], row["TEL_FIXE"] = from_abroad(row["MOBILE"]), from_abroad(row["TEL_FIXE"])
    row["OPTIN_EMAIL"], row["OPTIN_SMS"] = flag(chance, 0.6), flag(chance, 0.4)
    row["OPTIN_EMAIL_PARTENAIRES"], row["OPTIN_COURRIER"] = flag(chance, 0.2), flag(chance, 0.5)
    row["ABO_NEWSLETTER"] = flag(chance, 0.5) if chance.often(0.9) else ""
    number_of_account = iban(chance)
    row["IBAN"] = chance.pick([number_of_account, spaced(number_of_account)]) if chance.often(0.85) else ""
    row["IP_COLLECTE"] = chance.pick(NETWORKS) + str(chance.between(1, 254)) if chance.often(0.8) else ""
    row["MAGASIN"] = f"{chance.pick([117, 118, 204, 311, 420]):06}"
    row["UPDATED_AT"] = moment(chance, 2025)
    keys(chance, row, number)
    return row


def spoil(chance, customers):
    """Gives the invalid values each to another customer who has one that can be spoiled; returns who is still sound."""
    sound = list(range(20, len(customers)))
    for column, count, spoiled in INVALID:
        for _ in range(count):
            able = [index for index in sound if customers[index][column]]
            chosen = chance.pick(able)
            sound.remove(chosen)
            row = customers[chosen]
            row[column] = spoiled(row[column].replace(" ", ""), chance.pick)
            if column == "SIREN":
                row["TVA_INTRACOM"] = ""
            if column == "CP":
                row["PAYS"] = "France"
            if column == "PAYS":
                row["CP"], row["VILLE"] = "75011", "Paris"
    for index in chance.some(sound, IPV6):
        sound.remove(index)
        customers[index]["IP_COLLECTE"] = f"2001:db8::{index:x}"
    return sound


def oddities(customers):
    """Cells that need quotes."""
    customers[3]["RAISON_SOCIALE"], customers[3]["TYPE_CLIENT"] = 'Café "Le Bon Coin"', "Société"
    customers[5]["ADRESSE"] = "3 place Gambetta;\nrésidence Les Cèdres"
    customers[8]["ADRESSE"] = "14 rue du Moulin\r\nau fond de la cour"
    customers[11]["BATIMENT"] = "Bât. A; escalier 2"


def cell(text):
    if any(letter in text for letter in ';"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def line(row):
    return ";".join(cell(row[name]) for name in HEADER)


def table(chance, customers):
    """The rows of customers.csv, with older rows and rows that are no customer between them."""
    lines = [line(row) for row in customers]
    for at, index in [(160, 700), (420, 77), (810, 350)]:
        older = dict(customers[index], UPDATED_AT=moment(chance, 2019), VILLE="Ancienneville")
        lines.insert(at, line(older))
    nobody = dict(customers[40], ID_CLIENT="", CARTE_FIDELITE="", WALLET="", REF_SAFEDEBIT="")
    lines.insert(250, line(nobody))
    lines.insert(590, line(dict(nobody, ID_CLIENT="NULL")))
    lines.insert(333, "C900001;M.;Jean;Dupont;;01/02/1970")
    lines.insert(900, line(dict(nobody, ID_CLIENT="C900002")) + ";;trop;long")
    return [";".join(HEADER)] + lines


def change(chance, row, used):
    """Some keys of a known customer, in the values of a few weeks later."""
    fresh = {"ID_CLIENT": row["ID_CLIENT"]}
    kinds = [("address", 4), ("mobile", 3), ("email", 3), ("consent", 4), ("iban", 2), ("name", 1), ("landline", 1)]
    for _ in range(chance.pick([1, 1, 1, 2])):
        kind = chance.weighed(kinds)[0]
        if kind == "address":
            town = chance.weighed(TOWNS)
            fresh |= {"ADRESSE": street(chance), "CP": town[0], "VILLE": town[1], "PAYS": "France"}
        elif kind == "mobile":
            fresh["MOBILE"] = phone(chance)
        elif kind == "email":
            fresh["EMAIL"] = email(chance, row, used)
        elif kind == "consent":
            name = chance.pick(["OPTIN_EMAIL", "OPTIN_SMS", "OPTIN_COURRIER", "ABO_NEWSLETTER"])
            fresh[name] = row[name] not in ("1", "oui")
        elif kind == "iban":
            fresh["IBAN"] = iban(chance)
        elif kind == "name":
            fresh["NOM_USAGE"] = chance.pick(NAMES)
        else:
            fresh["TEL_FIXE"] = None if row["TEL_FIXE"] else phone(chance)
    return fresh


def changes(chance, customers, sound, used):
    """The lines of changes.jsonl."""
    records = [change(chance, customers[index], used) for index in chance.some(sound, CHANGED)]
    records[17]["MOBILE"] = "O465710042"
    records[41]["EMAIL"] = "inconnu@example"
    for number in range(CUSTOMERS, CUSTOMERS + NEW):
        row = customer(chance, number, used)
        records.append({name: value for name, value in row.items() if value})
    for record in records:
        record["UPDATED_AT"] = moment(chance, 2026)
    return [json.dumps(record, ensure_ascii=False) for record in records]


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def if_needed(separator):
    special = separator + '"\r\n'
    return lambda text: quoted(text) if any(letter in text for letter in special) else text


def exported(chance, number):
    """A customer for an export: everything that all three write, in one form."""
    row = customer(chance, number, set())
    code, town, _ = chance.weighed(TOWNS)
    row |= {"CP": code, "VILLE": town, "MOBILE": "0" + chance.pick(FICTION)[1:].replace(" ", "") + f"{number % 10000:04}"}
    row |= {"EMAIL": f"{plain(row['PRENOM'])}.{number}@{chance.pick(DOMAINS)}", "ADRESSE": f"{number % 90 + 1} rue Pasteur"}
    row |= {"CARTE": f"0299{number:08}", "WALLET": f"W-{number}", "REF": f"SD{number}", "COMPLEMENT": row["APPARTEMENT"]}
    day_month_year = [chance.between(1, 28), chance.between(1, 12), chance.between(1940, 2005)]
    row["BIRTH"], row["MOMENT"] = day_month_year, moment(chance, 2026)
    return row


def iso(date):
    return f"{date[2]}-{date[1]:02}-{date[0]:02}"


def salesforce(chance):
    """Every cell in quotes, dates of ISO 8601, a job title beside the form of address."""
    header = ["Id", "Salutation", "FirstName", "LastName", "Title", "Email", "MobilePhone", "MailingStreet", "MailingCity",
              "MailingPostalCode", "MailingCountry", "Birthdate", "Loyalty_Card__c", "Lemonway_Wallet__c",
              "Safedebit_Reference__c", "IBAN__c", "LastModifiedDate"]
    lines = [header]
    for number in range(810000, 810030):
        row = exported(chance, number)
        street = row["ADRESSE"] + ("\nBâtiment C" if number == 810004 else "")
        email = "sans arobase" if number == 810011 else row["EMAIL"]
        lines.append([f"0035g00000{number}AAA", "Ms." if row["CIVILITE"] in ("Mme", "Madame", "Mlle") else "Mr.", row["PRENOM"],
                      row["NOM"], "Directrice", email, "+33 " + row["MOBILE"][1:], street, row["VILLE"], row["CP"], "France",
                      iso(row["BIRTH"]), row["CARTE"], row["WALLET"], row["REF"], row["IBAN"], row["MOMENT"] + ".000+0000"])
    return "".join(",".join(map(quoted, line)) + "\n" for line in lines).encode("utf-8")


def hubspot(chance):
    """Names of columns with spaces, times without seconds, a byte order mark."""
    header = ["Record ID", "First Name", "Last Name", "Email", "Phone Number", "Mobile Phone Number", "Street Address", "City",
              "Postal Code", "Country/Region", "Date of birth", "Lifecycle Stage", "Loyalty Card", "Lemonway Wallet",
              "Safedebit Reference", "Last Modified Date"]
    lines = [header]
    for number in range(820000, 820030):
        row = exported(chance, number)
        lines.append([f"{number}51", row["PRENOM"], row["NOM"], row["EMAIL"], "", "+33" + row["MOBILE"][1:], row["ADRESSE"],
                      row["VILLE"], row["CP"], "France", iso(row["BIRTH"]), "Customer", row["CARTE"], row["WALLET"],
                      row["REF"], row["MOMENT"][:16].replace("T", " ")])
    cell_of = if_needed(",")
    return "".join(",".join(map(cell_of, line)) + "\n" for line in lines).encode("utf-8-sig")


def excel(chance):
    """What a French spreadsheet saves: it turned one number into scientific notation and took a zero from one code."""
    header = ["N° client", "Civilité", "Prénom", "Nom", "Adresse e-mail", "Tél. portable", "Adresse", "Complément d'adresse",
              "Code postal", "Ville", "Pays", "Date de naissance", "Carte de fidélité", "Wallet Lemonway", "Réf. Safedebit",
              "IBAN", "Date de modification"]
    lines = [header]
    for number in range(830000, 830030):
        row = exported(chance, number)
        mobile = "3,31990E+10" if number == 830007 else " ".join(row["MOBILE"][at : at + 2] for at in range(0, 10, 2))
        code, town = ("6000", "Nice") if number == 830019 else (row["CP"], row["VILLE"])
        year, month, date = row["MOMENT"][:10].split("-")
        lines.append([f"C{number}", row["CIVILITE"], row["PRENOM"], row["NOM"], row["EMAIL"], mobile, row["ADRESSE"],
                      row["COMPLEMENT"], code, town, "France", "{:02}/{:02}/{}".format(*row["BIRTH"]), row["CARTE"],
                      row["WALLET"], row["REF"], row["IBAN"], f"{date}/{month}/{year} {row['MOMENT'][11:16]}"])
    cell_of = if_needed(";")
    return "".join(";".join(map(cell_of, line)) + "\r\n" for line in lines).encode("windows-1252", "replace")


def write(path, lines):
    path.write_bytes("".join(text + "\n" for text in lines).encode("utf-8"))


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    chance, used = Chance(1789), set()
    customers = [customer(chance, number, used) for number in range(CUSTOMERS)]
    oddities(customers)
    sound = spoil(chance, customers)
    write(folder / "customers.csv", table(chance, customers))
    write(folder / "changes.jsonl", changes(chance, customers, sound, used))
    (folder / "salesforce.csv").write_bytes(salesforce(Chance(1999)))
    (folder / "hubspot.csv").write_bytes(hubspot(Chance(2006)))
    (folder / "excel.csv").write_bytes(excel(Chance(1985)))


if __name__ == "__main__":
    main()
