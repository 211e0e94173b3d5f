"""Names and places that generated people are made of. Many given names stand in no table of nicknames."""

from __future__ import annotations

_WOMEN = """
Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Lisa Nancy Margaret Ashley Emily
Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca Laura Cynthia Kathleen Amy Angela Shirley Anna
Brenda Pamela Emma Nicole Helen Samantha Katherine Christine Rachel Carolyn Janet Catherine Maria Heather
Diane Ruth Julie Olivia Joyce Virginia Victoria Kelly Lauren Christina Joan Evelyn Judith Megan Andrea Cheryl
Hannah Jacqueline Martha Gloria Teresa Ann Sara Madison Frances Kathryn Janice Jean Abigail Alice Julia Judy
Guadalupe Xiomara Nkechi Aisha Fatima Priya Ananya Mei Yuki Svetlana Oksana Ingrid Solveig Zainab Leilani
Keisha Latoya Tamika Destiny Precious Aaliyah Nevaeh Brooklynn Kinsley Araceli Yesenia Marisol Itzel Thuy
Linh Soo-jin Amara Chiamaka Ngozi Ewa Agnieszka Ilse Beatriz Consuelo Noor Shabnam Parisa Roxana Wren
"""
_MEN = """
James Robert John Michael David William Richard Joseph Thomas Charles Christopher Daniel Matthew Anthony Mark
Donald Steven Andrew Paul Joshua Kenneth Kevin Brian Timothy Ronald George Jason Edward Jeffrey Ryan Jacob
Gary Nicholas Eric Jonathan Stephen Larry Justin Scott Brandon Benjamin Samuel Gregory Alexander Patrick Frank
Raymond Jack Dennis Jerry Tyler Aaron Jose Adam Nathan Henry Zachary Douglas Peter Kyle Noah Ethan Jeremy
Walter Christian Keith Roger Terry Austin Sean Gerald Carl Harold Dylan Arthur Lawrence Jordan Jesse Bryan
Guillermo Joaquin Santiago Mateo Thiago Rigoberto Xavier Kwame Chinedu Oluwaseun Babatunde Jamal Deshawn
Tyrone Marquis Tremaine Ahmad Yusuf Omar Tariq Rajesh Sanjay Arjun Wei Hiroshi Kenji Minh Duc Dmitri Sergei
Bogdan Lars Bjorn Giovanni Vincenzo Efrain Heriberto Jayceon Braxton Maddox Zaiden Ryker Kasimir Tomasz Emre
"""
GIVEN = {"F": _WOMEN.split(), "M": _MEN.split()}

_FREQUENT_FAMILY_TEXT = """
    Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez
    Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez
    Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores
"""
FREQUENT_FAMILY = _FREQUENT_FAMILY_TEXT.split()
FREQUENT_GIVEN = [
    ("Mary", "F"), ("Jennifer", "F"), ("Maria", "F"), ("Jessica", "F"), ("Linda", "F"), ("Sarah", "F"),
    ("James", "M"), ("Michael", "M"), ("Jose", "M"), ("David", "M"), ("John", "M"), ("Robert", "M"),
]  # fmt: skip
_FAMILY_TEXT = """
    Abernathy Achterberg Adeyemi Aguilera Akintola Albrecht Almquist Amundsen Andrzejewski Antonelli
    Applegate Arceneaux Ashworth Attenborough Auerbach Babcock Bachmann Balakrishnan Bancroft Barraclough
    Baumgartner Beauchamp Bellweather Benavides Bergstrom Bhattacharya Biederman Blankenship Blaylock
    Boudreaux Bramwell Brannigan Breckenridge Bukowski Burgess Caldwell Calloway Carmichael Castellanos
    Chakraborty Chamberlain Chatterjee Christodoulou Clapham Clearwater Cogswell Colquitt Covarrubias
    Crenshaw Cruickshank Culpepper D'Angelo Dabrowski Dalrymple Davenport Delacroix Delgadillo Dempsey
    Desrosiers Devereaux Dickerson Dombrowski Drummond Dubois Dunleavy Eberhardt Echevarria Ekwueme
    Ellsworth Engstrom Espinoza Fairchild Farnsworth Fitzgerald Fitzpatrick Flannery Fontenot Fothergill
    Fredriksen Fukushima Galbraith Gallagher Garrity Gephardt Ghorbani Gillespie Goldstein Goodfellow
    Grabowski Gudmundsson Guerrero Gunderson Haddad Halloran Hargreaves Hashimoto Hathaway Hawthorne
    Heidelberg Hendershot Higginbotham Hollingsworth Huckabee Ibarra Ingebretsen Iwasaki Jablonski Jankowski
    Jaramillo Kaczmarek Kapoor Karlsson Kavanagh Kensington Kiplagat Kirkpatrick Klingensmith Kobayashi
    Kowalczyk Krishnamurthy Kuznetsov Lachance Lancaster Langford Lindqvist Lockwood Macalister Magnusson
    Maldonado Marchetti Mbeki McAllister McGillicuddy McNamara Merriweather Middleton Montgomery Mukherjee
    Nakamura Navarrete Nightingale Nordstrom Novak O'Brien O'Connell O'Sullivan Obermeyer Ogunleye Okafor
    Olmstead Oppenheimer Pacheco Papadopoulos Pennington Petrosyan Pfeiffer Piotrowski Quackenbush
    Quintanilla Radcliffe Rasmussen Ravenscroft Reinhardt Robichaux Rosenbaum Rutherford Saldivar
    Satterfield Schneider Schwarzkopf Shevchenko Siddiqui Sokolov Stavropoulos Steinberg Stoddard Strickland
    Sundaram Swearingen Takahashi Thibodeaux Thorvaldsen Tkachenko Tomlinson Trevino Underhill Vandermeer
    Vanderbilt Vasquez Villanueva Wainwright Weatherby Westergaard Whitcomb Winterbourne Wojciechowski
    Yamamoto Yarbrough Zapata Zielinski Zimmerman
"""
FAMILY = _FAMILY_TEXT.split()

NICKNAMES = {
    "Robert": ("Bob", "Rob", "Bobby"), "William": ("Bill", "Will", "Billy"),
    "Elizabeth": ("Liz", "Beth", "Betty"), "Richard": ("Rick", "Dick", "Rich"),
    "Margaret": ("Peggy", "Meg", "Maggie"), "James": ("Jim", "Jimmy"), "John": ("Jack", "Johnny"),
    "Michael": ("Mike", "Mick"), "Katherine": ("Kate", "Kathy", "Katie"), "Jennifer": ("Jen", "Jenny"),
    "Patricia": ("Pat", "Patty", "Tricia"), "Joseph": ("Joe", "Joey"), "Thomas": ("Tom", "Tommy"),
    "Charles": ("Charlie", "Chuck"), "Christopher": ("Chris", "Topher"), "Daniel": ("Dan", "Danny"),
    "Matthew": ("Matt",), "Anthony": ("Tony",), "Steven": ("Steve",), "Andrew": ("Andy", "Drew"),
    "Joshua": ("Josh",), "Kenneth": ("Ken", "Kenny"), "Timothy": ("Tim",), "Ronald": ("Ron",),
    "Edward": ("Ed", "Ted", "Eddie"), "Jeffrey": ("Jeff",), "Nicholas": ("Nick",), "Jonathan": ("Jon",),
    "Benjamin": ("Ben",), "Samuel": ("Sam",), "Gregory": ("Greg",), "Susan": ("Sue", "Suzy"),
    "Alexander": ("Alex", "Xander", "Al"), "Patrick": ("Pat",), "Raymond": ("Ray",),
    "Zachary": ("Zach", "Zack"), "Jessica": ("Jess", "Jessie"), "Barbara": ("Barb", "Babs"),
    "Deborah": ("Deb", "Debbie"), "Amanda": ("Mandy",), "Rebecca": ("Becky", "Becca"),
    "Stephanie": ("Steph",), "Samantha": ("Sam",), "Christine": ("Chris", "Tina"),
    "Catherine": ("Cathy", "Cat"), "Victoria": ("Vicky", "Tori"), "Abigail": ("Abby",),
    "Teresa": ("Terry", "Tess"), "Guillermo": ("Memo",), "Guadalupe": ("Lupe",), "Oluwaseun": ("Seun",),
    "Santiago": ("Santi",), "Theresa": ("Tess",), "Jacqueline": ("Jackie",), "Kathleen": ("Kathy",),
    "Lawrence": ("Larry",),
}  # fmt: skip

ALIKE_TWINS = [
    ("Jayla", "Kayla", "FF"), ("Jaden", "Jaylen", "MM"), ("Tayshaun", "Rayshaun", "MM"),
    ("Ella", "Emma", "FF"), ("Daniel", "David", "MM"), ("Daniel", "Danielle", "MF"),
    ("Jada", "Jade", "FF"), ("Mia", "Maya", "FF"), ("Madison", "Addison", "FF"), ("Tina", "Dina", "FF"),
    ("Marc", "Mario", "MM"), ("Anna", "Hanna", "FF"), ("Kristen", "Kirsten", "FF"),
    ("Jacob", "Joshua", "MM"), ("Taylor", "Tyler", "FM"), ("Zaire", "Zahir", "MM"),
    ("Eric", "Erica", "MF"), ("Brandon", "Brendan", "MM"), ("Jaylin", "Jaylon", "MM"),
    ("Faith", "Hope", "FF"), ("Christian", "Christina", "MF"), ("Makayla", "Mikayla", "FF"),
    ("Landon", "Logan", "MM"), ("Lina", "Lena", "FF"),
]  # fmt: skip

_STREET_NAMES = """
    Maple Elm Cedar Quarry Arsenal Harbor Juniper Sycamore Walnut Meadow Prospect Jefferson Lakeview Chestnut
    Willow Orchard Franklin Highland Bayview Coronado North_Main South_Park East_Mill
"""
STREETS = [
    f"{name.replace('_', ' ')} {kind}"
    for name in _STREET_NAMES.split()
    for kind in ("Street", "Avenue", "Road", "Drive", "Lane", "Court", "Boulevard")
]
STREET_FORMS = [
    ("Street", "St"), ("Avenue", "Ave."), ("Road", "RD"), ("Drive", "Dr"), ("Lane", "Ln"),
    ("Court", "CT"), ("Boulevard", "Blvd"), ("North ", "N "), ("South ", "S. "), ("East ", "E "),
]  # fmt: skip
CITIES = [
    ("Phoenix", "AZ", "85004"), ("Boise", "ID", "83702"), ("Duluth", "MN", "55802"),
    ("Chicago", "IL", "60601"), ("Portland", "ME", "04101"), ("Harrisburg", "PA", "17101"),
    ("Austin", "TX", "78701"), ("Fresno", "CA", "93701"), ("Tampa", "FL", "33602"),
    ("Dayton", "OH", "45402"), ("Albany", "NY", "12207"), ("Savannah", "GA", "31401"),
]  # fmt: skip
_LETTERS = "a b c d e f g h i j k l m n o p q r s t u v w x y z"
_BESIDE = "sq vn xv sf wr dg fh gj uo hk jl ko nk bm ip ol wa et ad ry yi cb qe zc tu xa"
NEIGHBOURS = dict(zip(_LETTERS.split(), _BESIDE.split(), strict=True))
"""By letter, those beside it on the keyboard."""
BY_EAR = [
    ("ph", "f"), ("c", "k"), ("k", "c"), ("ie", "y"), ("y", "i"), ("ei", "ie"), ("ll", "l"), ("nn", "n"),
    ("th", "t"), ("ck", "k"), ("s", "z"), ("ee", "ea"), ("ai", "ay"), ("ou", "u"), ("mc", "mac"),
    ("son", "sen"),
]  # fmt: skip
