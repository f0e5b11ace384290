package demofirm

// culture is a pool of common names; a native form stands behind the Latin one where it is written otherwise.
type culture struct {
	given, family []string
	nativeGiven   map[string]string
	nativeFamily  map[string]string
	familyFirst   bool // in the native form
}

func cultures() map[string]culture {
	return map[string]culture{
		"british": {
			given:  []string{"Amelia", "Oliver", "Harriet", "George", "Isla", "Edward", "Charlotte", "Henry", "Eleanor", "William", "Imogen", "Arthur", "Florence", "James", "Beatrice", "Rupert", "Alice", "Hugo", "Margaret", "Thomas"},
			family: []string{"Smith", "Jones", "Taylor", "Whitfield", "Clarke", "Hughes", "Ashworth", "Pemberton", "Fairfax", "Thornton", "Blackwood", "Carlisle", "Whitaker", "Langley", "Sinclair", "MacDonald", "Campbell", "Ellison", "Hartley", "Kingsley"},
		},
		"irish": {
			given:  []string{"Siobhán", "Aoife", "Cillian", "Niamh", "Oisín", "Gráinne", "Fionn", "Róisín", "Conor", "Maeve"},
			family: []string{"O’Brien", "O’Connor", "Murphy", "Ní Bhriain", "Ó Súilleabháin", "Kavanagh", "McCarthy", "Gallagher", "O’Neill", "Doyle"},
		},
		"nordic": {
			given:  []string{"Åsa", "Björn", "Søren", "Märta", "Håkon", "Ingrid", "Lars", "Sigrún", "Øystein", "Elin"},
			family: []string{"Ångström", "Lindqvist", "Sørensen", "Bjørnsson", "Håkansson", "Nygård", "Ekström", "Kjærgaard", "Þórsdóttir", "Lundgren"},
		},
		"spanish": {
			given:  []string{"María José", "José Luis", "Íñigo", "Nuria", "Ángel", "Begoña", "Joaquín", "Lucía", "Raúl", "Inés"},
			family: []string{"de la Cruz", "García Márquez", "Núñez", "Ibáñez", "Peña", "Muñoz", "Fernández", "Gutiérrez", "López de Haro", "Sáenz"},
		},
		"french": {
			given:  []string{"Élodie", "François", "Chloé", "Benoît", "Zoé", "Hélène", "Jérôme", "Noémie", "Gaël", "Anaïs"},
			family: []string{"Lefèvre", "d’Arcy", "Beaumont", "Dupré", "Le Goff", "Béranger", "Garçon", "Hénault", "Moreau", "Saint-Clair"},
		},
		"german": {
			given:  []string{"Jürgen", "Käthe", "Günther", "Anneliese", "Björn", "Ursula", "Heinrich", "Liesel", "Matthias", "Sabine"},
			family: []string{"Müller", "Weiß", "von Bülow", "Schröder", "Köhler", "Großmann", "Jäger", "zu Hohenfels", "Strauß", "Bäcker"},
		},
		"polish": {
			given:  []string{"Łukasz", "Małgorzata", "Zbigniew", "Żaneta", "Stanisław", "Agnieszka", "Wojciech", "Bożena", "Jerzy", "Kinga"},
			family: []string{"Wiśniewski", "Żółkowska", "Dąbrowski", "Kościuszko", "Szczepańska", "Łęcki", "Wójcik", "Jabłońska", "Gołąb", "Brzęczyszczykiewicz"},
		},
		"arabic": {
			given:        []string{"Layla", "Omar", "Yasmin", "Khalid", "Nadia", "Tariq", "Salma", "Hassan", "Rania", "Faisal"},
			family:       []string{"Haddad", "Al-Rashid", "Mansour", "Khoury", "El-Sayed", "Nasser", "Al-Farouqi", "Saleh", "Abboud", "Darwish"},
			nativeGiven:  map[string]string{"Layla": "ليلى", "Omar": "عمر", "Yasmin": "ياسمين", "Khalid": "خالد", "Nadia": "نادية", "Tariq": "طارق"},
			nativeFamily: map[string]string{},
		},
		"chinese": {
			given:  []string{"Wei", "Mei-Ling", "Jun", "Xiuying", "Hao", "Yan", "Ka-Yan", "Chi-Ming", "Li", "Zhen"},
			family: []string{"Chen", "Wong", "Zhang", "Liu", "Cheung", "Lam", "Huang", "Ng", "Zhao", "Ouyang"},
			nativeGiven: map[string]string{
				"Wei": "偉", "Mei-Ling": "美玲", "Jun": "軍", "Xiuying": "秀英", "Hao": "浩", "Yan": "燕", "Ka-Yan": "嘉欣", "Chi-Ming": "志明", "Li": "麗", "Zhen": "珍",
			},
			nativeFamily: map[string]string{
				"Chen": "陳", "Wong": "黃", "Zhang": "張", "Liu": "劉", "Cheung": "章", "Lam": "林", "Huang": "黃", "Ng": "吳", "Zhao": "趙", "Ouyang": "歐陽",
			},
			familyFirst: true,
		},
		"japanese": {
			given:        []string{"Haruto", "Yuki", "Sakura", "Kenji", "Aiko", "Ren", "Naoko", "Takashi"},
			family:       []string{"Satō", "Suzuki", "Takahashi", "Tanaka", "Itō", "Watanabe", "Ōno", "Kobayashi"},
			nativeGiven:  map[string]string{"Haruto": "陽翔", "Yuki": "雪", "Sakura": "桜", "Kenji": "健二", "Aiko": "愛子", "Ren": "蓮", "Naoko": "直子", "Takashi": "隆"},
			nativeFamily: map[string]string{"Satō": "佐藤", "Suzuki": "鈴木", "Takahashi": "高橋", "Tanaka": "田中", "Itō": "伊藤", "Watanabe": "渡辺", "Ōno": "大野", "Kobayashi": "小林"},
			familyFirst:  true,
		},
		"indian": {
			given:  []string{"Priya", "Arjun", "Ananya", "Rohan", "Lakshmi", "Vikram", "Kavya", "Sanjay", "Meera", "Aditya"},
			family: []string{"Iyer", "Sharma", "Venkataraman", "Patel", "Krishnamurthy", "Reddy", "Chatterjee", "Singh", "Nair", "Deshpande"},
		},
		"african": {
			given:  []string{"Folake", "Ngozi", "Kwame", "Thandiwe", "Chidi", "Amara", "Sipho", "Zainab", "Kofi", "Adaeze"},
			family: []string{"Adeyemi", "Okafor", "Mensah", "Nkosi", "Achebe", "Diallo", "Ọlátúnjí", "Mbeki", "Owusu", "Eze"},
		},
		"american": {
			given:  []string{"Madison", "Tyler", "Jasmine", "Brandon", "Ashley", "Marcus", "Brooke", "Ethan", "Savannah", "Jordan"},
			family: []string{"Johnson", "Williams", "Rodríguez", "Washington", "Kowalski", "Goldberg", "Jefferson", "DiMaggio", "Van Buren", "Castellanos"},
		},
		"brazilian": {
			given:  []string{"João", "Conceição", "Antônio", "Luíza", "Thiago", "Beatriz", "Caetano", "Fabrício"},
			family: []string{"da Silva", "Gonçalves", "Araújo", "dos Santos", "Magalhães", "Assunção", "Brandão", "Cavalcanti"},
		},
	}
}

// office is where the firm works: its country code for phones, its libraries and the mix of names.
type office struct {
	name, code, phone string
	region            string // whose library is home where no practice says otherwise
	share             int
	mix               []string
}

func offices() []office {
	return []office{
		{"London", "LON", "+44 20 7946", "LON", 30, []string{"british", "british", "british", "irish", "indian", "african", "polish", "french"}},
		{"Leeds", "LDS", "+44 113 496", "LON", 6, []string{"british", "british", "irish", "indian"}},
		{"Dublin", "DUB", "+353 1 555", "EUR", 5, []string{"irish", "irish", "british"}},
		{"Stockholm", "STO", "+46 8 555", "EUR", 4, []string{"nordic"}},
		{"Madrid", "MAD", "+34 91 555", "EUR", 5, []string{"spanish"}},
		{"Paris", "PAR", "+33 1 55 55", "EUR", 6, []string{"french", "french", "arabic"}},
		{"Frankfurt", "FRA", "+49 69 5555", "EUR", 6, []string{"german", "german", "polish"}},
		{"Warsaw", "WAW", "+48 22 555", "EUR", 4, []string{"polish"}},
		{"Dubai", "DXB", "+971 4 555", "APC", 5, []string{"arabic", "arabic", "indian", "british"}},
		{"Hong Kong", "HKG", "+852 5550", "APC", 7, []string{"chinese", "chinese", "british"}},
		{"Singapore", "SIN", "+65 5550", "APC", 4, []string{"chinese", "indian", "british"}},
		{"Tokyo", "TYO", "+81 3 5550", "APC", 4, []string{"japanese"}},
		{"New York", "NYC", "+1 212 555", "AMS", 10, []string{"american", "american", "indian", "african"}},
		{"São Paulo", "SAO", "+55 11 5550", "AMS", 4, []string{"brazilian"}},
	}
}

// practices are the firm's practice groups and its business services; only the first ones have lawyers.
func practices() []string {
	return []string{
		"Litigation", "Corporate", "Tax", "Property", "Employment", "Finance", "Funds", "Disputes", "Intellectual Property",
		"IT", "Human Resources", "Marketing", "Facilities",
	}
}

const lawPractices = 9

func grades() []string {
	return []string{"Partner", "Senior Associate", "Associate", "Associate", "Trainee", "Paralegal", "Legal Assistant"}
}

// orphanNames belong to accounts behind which nobody stands; none of their words is in any pool above, so that no name
// suggestion can arise by accident.
func orphanNames() []string {
	return []string{
		"Quentin Zephyrine", "Xanthe Vossberg", "Ulric Quillfeather", "Zelda Yarrowdale", "Phineas Quackenbos", "Ottoline Wexcombe",
		"Ignatius Vanterpool", "Hermia Zwingli", "Cosmo Yttervik", "Balthasar Quimby",
	}
}
