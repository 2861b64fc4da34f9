"""Words that made-up titles are composed of: what sellers write and no taxonomy holds, by language.

Languages are those of a taxonomy's labels (zh-CN, pt-BR); what a language lacks, its first part has (pt).
"""
# Shares of the lines. Languages that the sources lack leave theirs to the others.
SHARES = {
    "zh-CN": 44.0, "zh-TW": 6.0, "en": 25.0, "ja": 4.0, "de": 3.0, "ko": 2.5, "es": 2.0, "fr": 2.0, "it": 1.5,
    "pt-BR": 1.0, "pt-PT": 0.5, "nl": 1.0, "pl": 1.0, "tr": 1.0, "th": 1.0, "vi": 1.0, "cs": 0.7, "sv": 0.7,
    "da": 0.7, "fi": 0.7, "nb": 0.7,
}  # fmt: skip
# How often a department is drawn; others 1.
DEPARTMENTS = {
    "Apparel & Accessories": 6.0, "Home & Garden": 4.0, "Health & Beauty": 4.0, "Food, Beverages & Tobacco": 4.0,
    "Electronics": 4.0, "Sporting Goods": 2.5, "Baby & Toddler": 2.0, "Toys & Games": 2.0, "Furniture": 1.5,
    "Animals & Pet Supplies": 1.5, "Office Supplies": 1.5, "Luggage & Bags": 1.5, "Business & Industrial": 0.4,
    "Media": 0.2, "Religious & Ceremonial": 0.2, "Services": 0.0, "Mature": 0.0, "Software": 0.0, "Gift Cards": 0.0,
    "Uncategorized": 0.0, "Bundles": 0.0, "Product Add-Ons": 0.0,
}  # fmt: skip
# The facet of an attribute's values that can stand in a title without their attribute's name: expression → facet.
FACETS = {
    r"(^|_)color$": "color", r"(^|_)pattern$": "pattern", r"(_|^)(material|fabric)$": "material",
    r"(^|_)age_group$": "age", r"(_|^)features$|^dietary_preferences$": "function",
    r"^connectivity_technology$|^display_(technology|resolution)$|^memory_technology$": "spec",
    r"(_|^)flavor$": "flavor", r"^(fragrance|scent)$": "scent", r"^(theme|activity|suitable_space)$": "occasion",
    r"_ingredients$|^dietary_supplements$": "ingredient", r"^animal_type$": "audience",
}  # fmt: skip
# Of the patterns, those that sellers name.
PATTERNS = frozenset(
    "Abstract Camouflage Checkered Chevron Dots Floral Geometric Hearts Lace Leaves Logo Paisley Plaid Rainbow Solid "
    "Stars Striped Tie-dye".split()
)
# Where things have patterns: a taxonomy gives them to engines as well.
PATTERNED = ("Apparel & Accessories", "Baby & Toddler", "Furniture", "Home & Garden", "Luggage & Bags")
# Labels that a taxonomy's translators took for another word: language → facet → English label → what it should be.
REPAIRS = {
    "zh-CN": {
        "color": {"Beige": "米色", "Blue": "蓝色", "Bronze": "古铜色", "Orange": "橙色", "Red": "红色", "White": "白色",
                  "Navy": "藏青色", "Pink": "粉色"},
        "pattern": {"Checkered": "方格", "Chevron": "人字纹", "Christmas": "圣诞", "Dots": "波点", "Floral": "碎花",
                    "Geometric": "几何图案", "Hearts": "爱心", "Leaves": "树叶", "Paisley": "佩斯利", "Solid": "纯色",
                    "Striped": "条纹", "Birds": "花鸟", "Lace": "蕾丝", "Animal": "动物图案", "Organic": "自然纹理",
                    "Ethnic": "民族风", "Scale": "鱼鳞纹", "Texture": "肌理纹", "Diamond": "菱形"},
        "material": {"Aluminum": "铝合金", "Bronze": "青铜", "Canvas": "帆布", "Bamboo": "竹制", "Copper": "紫铜",
                     "Ceramic": "陶瓷", "Cotton": "纯棉", "Fabric": "布艺", "Faux leather": "PU皮", "Fleece": "摇粒绒",
                     "Fur": "皮草", "Gold": "黄金", "Leather": "真皮", "Mahogany": "桃花心木", "Maple wood": "枫木",
                     "Mesh": "网面", "Plush": "毛绒", "Rosewood": "红木", "Satin": "缎面", "Silk": "真丝",
                     "Silver": "纯银", "Steel": "钢制", "Suede": "麂皮", "Velvet": "丝绒", "Vinyl": "乙烯基",
                     "Viscose": "粘胶", "Wood": "实木", "Iron": "铁艺", "Glass": "玻璃", "Hemp": "麻",
                     "Denim": "牛仔", "Linen": "亚麻", "Corduroy": "灯芯绒", "Paper": "纸质", "Crystal": "水晶",
                     "Oak wood": "橡木", "Chrome": "镀铬", "Felt": "毛毡", "Acrylic": "亚克力", "Sherpa": "羊羔绒"},
        "age": {"Babies": "婴儿", "Toddlers": "幼儿", "Adults": "成人", "Kids": "儿童"},
        "flavor": {"Peach": "蜜桃", "Orange": "香橙", "Rose": "玫瑰", "Duck": "鸭肉", "Unflavored": "原味"},
        "scent": {"Floral": "花香", "Rose": "玫瑰", "Aquatic": "海洋调", "Herbal": "草本", "Oriental": "东方调",
                  "Sandalwood": "檀香", "Fresh": "清新", "Spicy": "辛香"},
        "function": {"Vegan friendly": "素皮", "Insulated": "保温", "Keto": "生酮", "Easy to install": "易安装",
                     "Lightweight": "轻便", "Seamless": "无痕", "Direct fit": "专车专用"},
        "spec": {"Cellular": "蜂窝网络", "Color": "彩屏"},
        "occasion": {"Basketball": "篮球", "Cycling": "骑行", "Golf": "高尔夫", "Cricket": "板球", "Climbing": "攀岩",
                     "Floral": "花卉", "Ethnic": "民族风", "Hunting": "打猎", "Cheerleading": "啦啦操",
                     "Kickboxing": "踢拳"},
        "audience": {"Birds": "鸟类", "Cats": "猫咪", "Dogs": "狗狗"},
    },
    "zh-TW": {"color": {"Gray": "灰色", "Blue": "藍色", "Red": "紅色", "Navy": "藏青色", "Beige": "米色"},
              "pattern": {"Dots": "圓點", "Solid": "素色", "Striped": "條紋", "Floral": "碎花", "Paisley": "變形蟲紋"}},
    "ja": {"color": {"Gray": "グレー", "Navy": "ネイビー"},
           "pattern": {"Solid": "無地", "Floral": "花柄", "Striped": "ストライプ", "Stars": "星柄", "Plaid": "チェック",
                       "Dots": "ドット柄", "Leaves": "リーフ柄", "Hearts": "ハート柄", "Camouflage": "迷彩"}},
    "de": {"pattern": {"Solid": "uni", "Dots": "gepunktet", "Plaid": "kariert", "Camouflage": "Camouflage",
                       "Christmas": "Weihnachtsmotiv", "Tie-dye": "Batik"}},
    "ko": {"pattern": {"Solid": "무지", "Floral": "플라워", "Camouflage": "카모", "Plaid": "체크",
                       "Tie-dye": "타이다이"}},
    "fr": {"color": {"Clear": "Transparent", "Gold": "Doré", "Silver": "Argenté"}, "pattern": {"Solid": "Uni"}},
    "pl": {"pattern": {"Hearts": "Serca", "Solid": "Jednolity"}},
}  # fmt: skip
PROMOTIONS = {
    "zh-CN": ("正品包邮", "{year}新款", "新款", "现货速发", "官方旗舰店", "厂家直销", "限时特价", "爆款", "网红",
              "满{hundred}减{ten}",
              "买一送一", "送运费险", "顺丰包邮", "特价清仓", "热卖", "{year}夏季新款", "{year}秋冬新款", "专柜正品",
              "一件代发"),
    "zh-TW": ("免運", "現貨", "{year}新款", "台灣現貨", "買一送一", "限時特價", "熱銷", "快速出貨", "免運費", "預購"),
    "en": ("New {year}", "Free Shipping", "Hot Sale", "Brand New", "{ten}% Off", "Fast Delivery", "NEW", "UK Stock",
           "Best Seller", "Clearance", "Free Returns", "New Arrival"),
    "ja": ("送料無料", "{year}新作", "正規品", "即納", "ポイント{k}倍", "あす楽", "期間限定", "人気", "新品",
           "{year}年モデル"),
    "de": ("NEU", "versandkostenfrei", "Gratis Versand", "NEU & OVP", "Neuheit {year}", "Sale %%", "sofort lieferbar"),
    "fr": ("Livraison gratuite", "Neuf", "Nouveauté {year}", "Promo -{ten}%", "Livraison rapide"),
    "es": ("Envío gratis", "Nuevo", "Oferta", "Novedad {year}", "{k} cuotas sin interés"),
    "it": ("Spedizione gratuita", "Nuovo", "Novità {year}", "Offerta"),
    "pt": ("Frete grátis", "Novo", "Lançamento {year}", "Promoção", "{k}x sem juros"),
    "ko": ("무료배송", "{year} 신상", "당일발송", "특가", "1+1", "정품", "사은품 증정"),
    "nl": ("Gratis verzending", "Nieuw", "Aanbieding", "Op voorraad"),
    "pl": ("Darmowa dostawa", "Nowość", "Promocja", "Wysyłka 24h"),
    "sv": ("Fri frakt", "Nyhet", "REA"), "da": ("Fri fragt", "Nyhed", "Tilbud"), "nb": ("Fri frakt", "Nyhet"),
    "fi": ("Ilmainen toimitus", "Uutuus", "Ale"), "cs": ("Doprava zdarma", "Novinka", "Akce", "Skladem"),
    "tr": ("Ücretsiz Kargo", "Yeni Sezon", "Hızlı Kargo", "İndirimli"),
    "vi": ("Freeship", "Hàng mới {year}", "Giảm giá {ten}%", "Chính hãng"),
    "th": ("ส่งฟรี", "พร้อมส่ง", "ของแท้", "ลดราคา {ten}%", "รุ่นใหม่ {year}"),
}  # fmt: skip
GENDERS = {
    "zh-CN": ("女士", "男士", "女", "男", "男女同款", "情侣款", "女款", "男款"), "zh-TW": ("女", "男", "男女款",
                                                                                           "女生"),
    "en": ("Women's", "Men's", "Womens", "Mens", "Unisex", "Ladies"),
    "ja": ("レディース", "メンズ", "男女兼用"), "de": ("Damen", "Herren", "Unisex"),
    "fr": ("Femme", "Homme", "Mixte"), "es": ("Mujer", "Hombre", "Unisex"), "it": ("Donna", "Uomo", "Unisex"),
    "pt": ("Feminino", "Masculino", "Unissex"), "ko": ("여성", "남성", "남녀공용"), "nl": ("Dames", "Heren"),
    "pl": ("damskie", "męskie", "unisex"), "sv": ("Dam", "Herr"), "da": ("Dame", "Herre"), "nb": ("Dame", "Herre"),
    "fi": ("Naisten", "Miesten"), "cs": ("dámské", "pánské"), "tr": ("Kadın", "Erkek", "Unisex"),
    "vi": ("nữ", "nam"), "th": ("ผู้หญิง", "ผู้ชาย"),
}  # fmt: skip
COUNTS = {
    "zh-CN": ("{k}件套", "{k}只装", "{k}个装", "{k}支", "{k}包", "{k}盒", "{many}片", "{k}条装", "{many}个"),
    "zh-TW": ("{k}入", "{k}件組", "{k}入組", "{k}包"), "en": ("{k} Pack", "Pack of {k}", "Set of {k}", "{many}pcs",
                                                        "{many} Pcs", "{k}-Pack", "x{k}"),
    "ja": ("{k}個セット", "{many}枚入", "{k}本", "{k}点セット", "×{k}"), "ko": ("{k}개", "{k}개입", "{many}매",
                                                                                "{k}세트"),
    "de": ("{many} Stück", "{k}er Set", "{k}er Pack", "{k}-teilig", "{k} Stk."), "fr": ("Lot de {k}", "{k} pièces"),
    "es": ("{k} piezas", "Pack de {k}", "Juego de {k}"), "it": ("{k} pezzi", "Set da {k}"),
    "pt": ("{k} peças", "Kit com {k}", "{k} unidades"), "nl": ("{k} stuks", "set van {k}"), "pl": ("{k} szt.",
                                                                                                   "zestaw {k} szt."),
    "sv": ("{k}-pack", "{k} st"), "da": ("{k} stk.",), "nb": ("{k} stk", "{k}-pakning"), "fi": ("{k} kpl",),
    "cs": ("{k} ks", "sada {k} ks"),
    "tr": ("{k} Adet", "{k}'li Set"), "vi": ("bộ {k} món", "{k} cái", "combo {k}"), "th": ("{k} ชิ้น", "แพ็ค {k}"),
}  # fmt: skip
_CM = ("{cm}x{cm}cm", "{cm} x {cm} cm", "{cm}*{cm}cm", "{cm}cm", "{cm} cm", "{cm}x{cm}x{cm}cm")
SIZES = {
    "Apparel & Accessories": ("S", "M", "L", "XL", "XXL", "2XL", "3XL", "{shoe}", "M-3XL", "S/M/L/XL", "L XL XXL"),
    "Food, Beverages & Tobacco": ("{g}g", "{g}g*{k}", "{ml}ml", "{ml}ml x {k}", "{kg}kg", "{g} g", "{litre}L"),
    "Health & Beauty": ("{ml}ml", "{g}g", "{ml}ml*{k}", "{ml} ml", "{g}g x {k}"),
    "Electronics": ("{gb}GB", "{w}W", "{mah}mAh", "{v}V", "{inch} inch", "USB-C", "Type-C", "{m}m", "{gb}GB+{gb}GB",
                    "Bluetooth 5.{small}", "{hz}Hz", "{k}-in-1", "HDMI 2.{small}"),
    "Animals & Pet Supplies": ("{kg}kg", "{g}g", "S", "M", "L", "{cm}cm", "{litre}L"),
    "Hardware": ("{mm}mm", "{mm}mm x {mm}mm", "M{small}x{mm}", "{v}V", "{w}W", "1/2\"", "3/4\"", "{m}m"),
    "": _CM,
}  # fmt: skip
SHOE_SIZES = {
    "zh-CN": ("{shoe}码", "均码", "{cloth}/88A"), "zh-TW": ("{shoe}碼",), "en": ("Size {small}", "UK {small}",
                                                                             "Size {shoe}", "One Size"),
    "ja": ("フリーサイズ", "{small}号", "2{small}cm"), "de": ("Gr. {shoe}", "Größe {shoe}", "Gr. M"),
    "fr": ("Taille {shoe}",
                                                                                                      "T{shoe}"),
    "es": ("Talla {shoe}", "Talla M"), "it": ("Taglia {shoe}", "Tg. M"), "pt": ("Tamanho M", "Tam. {shoe}"),
    "ko": ("FREE", "{cloth}"),
    "pl": ("rozmiar {shoe}", "r. M"), "nl": ("maat {shoe}",), "sv": ("strl {shoe}",), "da": ("str. {shoe}",),
    "nb": ("str. {shoe}",),
    "fi": ("koko {shoe}",), "cs": ("vel. {shoe}",), "tr": ("{shoe} Numara", "M Beden"), "vi": ("size {shoe}",),
    "th": ("ไซส์ M", "เบอร์ {shoe}"),
}  # fmt: skip
CHINESE_UNITS = {"{cm}cm": "{cm}厘米", "{inch} inch": "{inch}英寸", "{kg}kg": "{kg}公斤", "{g}g*{k}": "{g}克*{k}袋",
                 "{g}g": "{g}克",
                 "{ml}ml*{k}": "{ml}毫升*{k}瓶", "{m}m": "{m}米", "Bluetooth 5.{small}": "蓝牙5.{small}",
                 "{litre}L": "{litre}升",
                 "{k}-in-1": "{k}合1", "{g}g x {k}": "{g}g*{k}盒"}  # fmt: skip
# What stands in {braces} above.
NUMBERS = {
    "k": (2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 8, 10, 12), "many": (10, 12, 16, 20, 24, 25, 30, 36, 40, 48, 50, 60, 80, 100,
                                                             120, 200), "cm": (10, 15, 20, 25, 28, 30, 35, 40, 45, 50,
                                                                               60, 70, 75, 80, 90, 100, 120, 150, 180,
                                                                               200),
    "mm": (3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 30, 32, 50), "inch": (5.5, 6.1, 6.7, 7, 8, 10, 11, 12, 13.3, 14, 15.6,
                                                                    16, 24, 27, 32, 55, 65),
    "g": (15, 20, 30, 50, 60, 75, 80, 100, 120, 150, 180, 200, 250, 300, 350, 400, 450, 500, 750, 800), "small": (1,
                                                                                                                  2,
                                                                                                                  3,
                                                                                                                  4,
                                                                                                                  5,
                                                                                                                  6,
                                                                                                                  7,
                                                                                                                  8, 9),
    "ml": (5, 10, 15, 30, 50, 60, 75, 80, 100, 120, 150, 180, 200, 250, 300, 330, 350, 400, 473, 500, 550, 600, 750),
    "kg": (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 12, 15, 20, 25), "litre": (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 20, 30,
                                                                        50, 60),
    "gb": (4, 6, 8, 12, 16, 32, 64, 128, 256, 512), "w": (5, 7, 9, 10, 12, 15, 18, 20, 24, 30, 36, 45, 60, 65, 100,
                                                          120, 140, 240, 500, 800, 1000, 1500, 2000, 2200),
    "mah": (1200, 2000, 2600, 3000, 4000, 5000, 6000, 8000, 10000, 20000, 27000), "v": (3.7, 5, 9, 12, 18, 20, 24, 36,
                                                                                        110, 220, 230), "hz": (60, 75,
                                                                                                               90,
                                                                                                               120,
                                                                                                               144,
                                                                                                               165,
                                                                                                               240),
    "m": (1, 1.2, 1.5, 1.8, 2, 3, 5, 10, 15, 20, 50), "shoe": (34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46),
    "cloth": (90, 100, 110, 120, 130, 140, 150, 160, 165, 170, 175),
    "year": (2022, 2023, 2024, 2024, 2025, 2025, 2026), "ten": (10, 15, 20, 25, 30, 40, 50), "hundred": (99, 100, 199,
                                                                                                         200, 299, 300),
}  # fmt: skip
MODELS = ("AA-###", "AA##", "A###", "AAA####", "##A#", "A#-##", "AA###A", "A## Pro", "X# Max", "A#", "####", "V#.0",
          "Pro ##")
FITS = {"zh-CN": "适用{x}", "zh-TW": "適用{x}", "en": "for {x}", "de": "für {x}", "fr": "pour {x}", "es": "para {x}",
        "pt": "para {x}",
        "it": "per {x}", "ja": "{x}対応", "ko": "{x} 호환", "nl": "voor {x}", "pl": "do {x}", "sv": "till {x}",
        "da": "til {x}",
        "nb": "til {x}", "fi": "{x}", "cs": "pro {x}", "tr": "{x} Uyumlu", "vi": "cho {x}",
        "th": "สำหรับ {x}"}  # fmt: skip
# Made-up brands. Characters and syllables that shop names are made of, in combinations that no brand has to have.
CHINESE_BRAND = "沐屿澜栖朵漾拾川陌笙槿萌诺珂蔓皓岚焙眠谷榆颂芮凛弦筑逸巢棠霖溪蓓瑭垚樾茗铎沁峤骁琅葵渡砚翎"
JAPANESE_BRAND = "ソラ ミナ ハル トキ リノ カゼ モリ ユメ ノア ルカ シエ ラン コト マイ ホシ キリ".split()
KOREAN_BRAND = "하늘 온새 다솔 가람 누리 빛나 모아 라온 새봄 윤슬 도담 미르 해솔 아람 단비 솔빛".split()
ONSETS = "b br c d dr f fl g gr h j k kl l m n p pl r s t tr v w y z ch sh".split()
VOWELS = "a a e e i i o o u ai ea".split()
CODAS = ("", "", "", "", "l", "n", "r")
LAST_CODAS = ("", "", "l", "n", "r", "s", "x", "th", "nd", "rk", "m", "v", "tt")
BRAND_TAILS = ("", "", "", "", " Co.", " Home", " Lab", "&Co", " Studio", " Outdoor", " Kids", "Life", "Pro")
# The order of a title's parts by language family; one is drawn for each title.
ORDERS = {
    "zh": (
        "promo brand gender season style function design material pattern product product2 color size",
        "brand latin_brand model function material product occasion quantity color",
        "brand age gender style material pattern product product2 function size promo",
        "fits product function material design color promo",
        "product product2 function material occasion color size quantity",
        "brand occasion function pattern material product product2 audience quantity promo",
        "latin_brand model spec function product color size",
        "brand flavor scent ingredient product quantity size occasion promo",
        "promo material pattern product occasion gender size",
    ),
    "ja": (
        "promo brand latin_brand product model gender material function design color size",
        "product brand function material occasion color quantity promo",
        "brand product product2 flavor scent ingredient size quantity",
        "product fits function material color promo",
    ),
    "en": (
        "brand gender pattern material product function color size",
        "brand model product spec function material color quantity",
        "product fits function material color promo",
        "gender function material product season occasion size color brand",
        "brand flavor scent product ingredient size quantity promo",
        "promo style color material product product2 occasion size",
        "quantity brand color material product occasion function",
    ),
    "": (
        "product gender material pattern function color size brand",
        "brand product material function color quantity promo",
        "brand model product spec function size color",
        "product fits function material color promo",
        "brand product flavor scent ingredient size quantity",
        "product brand occasion design material color size promo",
    ),
}
# How often a part of the order is there, if there is a value for it; others 0.5.
RATES = {"product": 1.0, "brand": 0.85, "latin_brand": 0.35, "model": 0.45, "promo": 0.25, "product2": 0.35,
         "color": 0.55, "material": 0.65,
         "pattern": 0.25, "gender": 0.8, "age": 0.5, "fits": 0.9, "season": 0.35, "style": 0.4, "occasion": 0.4,
         "design": 0.4,
         "quantity": 0.35, "size": 0.6, "flavor": 0.9, "scent": 0.8, "audience": 0.6, "spec": 0.8, "ingredient": 0.5,
         "function": 0.7}  # fmt: skip
# English words that have no singular in titles.
PAIRS = frozenset(
    "accessories binoculars boots clothes earphones earrings glasses gloves goggles headphones jeans leggings pajamas "
    "pants pliers sandals scissors shoes shorts slippers sneakers socks stockings sunglasses supplies tights tongs "
    "trousers underpants parts electronics joggers briefs boxers overalls scrubs tweezers series species canvas".split()
)


def base_language(lang: str) -> str:
    """Give a language without its region. RETURNS (str): ``pt`` for ``pt-BR``, ``fil`` for ``fil``."""
    return lang.partition("-")[0]
