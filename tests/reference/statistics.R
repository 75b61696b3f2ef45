# Makes the tables and results of tests/fixtures/statistics in the working directory (the JSON there is compacted):
#   Rscript statistics.R
# Packages of Debian 12: r-cran-lme4, -lmertest, -multcomp, -emmeans, -pbkrtest, -mvtnorm, -jsonlite.
source("statistics_fits.R")
methods10 <- c("GRAD", "SG", "IG", "SIG", "GCAM", "XRAI", "GBP", "GGCAM", "AVG", "UNET")

## 1 balanced: 100 images x 10 methods
set.seed(21001)
mu <- c(GRAD = .300, SG = .262, IG = .292, SIG = .255, GCAM = .345, XRAI = .402, GBP = .318, GGCAM = .322, AVG = .380, UNET = .470)
img <- sprintf("img%03d", 1:100)
u <- rnorm(100, 0, .09)
d <- expand.grid(method = methods10, image = img, stringsAsFactors = FALSE)[, c("image", "method")]
d$value <- mu[d$method] + u[match(d$image, img)] + rnorm(nrow(d), 0, .12)
write_data(d, "balanced.csv")

## 2 unbalanced: 60 images x 10 methods, about 28 % of cells missing, methods missing unequally,
##   one image with a single cell, one method (GGCAM) with few
set.seed(21002)
img <- sprintf("img%03d", 1:60)
u <- rnorm(60, 0, .07)
d <- expand.grid(method = methods10, image = img, stringsAsFactors = FALSE)[, c("image", "method")]
d$value <- mu[d$method] + u[match(d$image, img)] + rnorm(nrow(d), 0, .10)
pk <- c(GRAD = .95, SG = .9, IG = .75, SIG = .8, GCAM = .7, XRAI = .65, GBP = .8, GGCAM = .25, AVG = .9, UNET = .5)
keep <- runif(nrow(d)) < pk[d$method]
keep[d$image == "img007"] <- d$method[d$image == "img007"] == "XRAI"
write_data(d[keep, ], "unbalanced.csv")

## 3 singular: the within-image correlation is made negative, so REML puts the image variance at 0
set.seed(21003)
img <- sprintf("img%03d", 1:40)
d <- expand.grid(method = methods10, image = img, stringsAsFactors = FALSE)[, c("image", "method")]
e <- matrix(rnorm(400, 0, .08), 10); e <- e - rep(colMeans(e) * .75, each = 10)
d$value <- mu[d$method] + as.vector(e)
write_data(d, "singular.csv")

## 5 trained against random weights: bounded AUPRC-like values, spread growing with the mean,
##   50 images x 8 methods x 2 (means as in Arun et al. 2021 where they give them)
set.seed(21005)
m8 <- methods10[1:8]
mt <- c(GRAD = .050, SG = .044, IG = .045, SIG = .031, GCAM = .092, XRAI = .152, GBP = .070, GGCAM = .091)
mr <- c(GRAD = .046, SG = .031, IG = .043, SIG = .030, GCAM = .022, XRAI = .050, GBP = .064, GGCAM = .033)
img <- sprintf("img%03d", 1:50)
d <- expand.grid(weights = c("trained", "random"), method = m8, image = img, stringsAsFactors = FALSE)[, c("image", "method", "weights")]
z <- rnorm(50)
mm <- ifelse(d$weights == "trained", mt[d$method], mr[d$method])
zz <- .75 * z[match(d$image, img)] + sqrt(1 - .75^2) * rnorm(nrow(d))
s2 <- log(1 + 1.1^2)                                              # coefficient of variation 1.1
d$value <- pmin(.99, exp(log(mm) - s2 / 2 + sqrt(s2) * zz))
write_data(d, "trained_random.csv")

for (nm in c("balanced", "unbalanced", "singular")) {
  cat(nm, "\n")
  dd <- read_data(paste0(nm, ".csv"), methods10)
  x <- fit_all(dd, null = if (nm == "balanced") .38 else .30)
  x$dataset <- nm
  write_json_exact(x, paste0(nm, ".json"))
}

## trained against random
dd <- read_data("trained_random.csv", m8, c("trained", "random"))
m <- lmer(value ~ method * weights + (1 | image), dd, control = tight())
em <- emmeans(m, ~ weights | method, lmer.df = "satterthwaite")
pr <- as.data.frame(summary(pairs(em), infer = c(TRUE, TRUE), adjust = "none", by = NULL))
p16 <- as.data.frame(summary(pairs(emmeans(m, ~ weights * method, lmer.df = "satterthwaite")), adjust = "tukey"))
ct <- paste(paste("trained", m8), "-", paste("random", m8))
stopifnot(all(ct %in% as.character(p16$contrast)))
p16 <- p16[match(ct, as.character(p16$contrast)), ]
L <- pairs(em)@linfct; rownames(L) <- m8
set.seed(5); gh <- summary(glht(m, linfct = L), test = adjusted("single-step", maxpts = 2000000, abseps = 1e-5, releps = 0))$test
a <- anova(m)
x <- list(dataset = "trained_random", formula = "value ~ method * weights + (1 | image)", methods = m8,
  n_obs = nrow(dd), n_images = nlevels(dd$image), fit = varcomp(m),
  fixed_effects = { s <- summary(m)$coefficients; lapply(seq_len(nrow(s)), function(i) list(term = rownames(s)[i], estimate = s[i, 1], se = s[i, 2], df_satterthwaite = s[i, 3], t = s[i, 4], p = s[i, 5])) },
  anova_satterthwaite = lapply(rownames(a), function(r) list(term = r, numdf = a[r, "NumDF"], dendf = a[r, "DenDF"], F = a[r, "F value"], p = a[r, "Pr(>F)"])),
  trained_minus_random = lapply(seq_along(m8), function(i) {
    di <- droplevels(dd[dd$method == m8[i], ])
    mi <- suppressMessages(lmer(value ~ weights + (1 | image), di, control = tight()))
    si <- summary(mi)$coefficients
    w <- reshape(di[, c("image", "weights", "value")], idvar = "image", timevar = "weights", direction = "wide")
    tt <- t.test(w$value.trained, w$value.random, paired = TRUE)
    wx <- suppressWarnings(wilcox.test(w$value.trained, w$value.random, paired = TRUE, exact = FALSE, correct = TRUE))
    list(method = m8[i], estimate = pr$estimate[i], se = pr$SE[i], df = pr$df[i], t = pr$t.ratio[i], p_unadjusted = pr$p.value[i],
         p_holm_of_8 = p.adjust(pr$p.value, "holm")[i], p_maxT_of_8 = unname(gh$pvalues[i]), p_tukey_of_16_cells = p16$p.value[i],
         own_model = list(estimate_random_minus_trained = si[2, 1], se = si[2, 2], df = si[2, 3], t = si[2, 4], p = si[2, 5],
                          theta = unname(getME(mi, "theta")), sigma = sigma(mi), singular = isSingular(mi)),
         paired_t = list(t = unname(tt$statistic), df = unname(tt$parameter), p = tt$p.value),
         wilcoxon_signed_rank = list(V = unname(wx$statistic), p_normal_continuity = wx$p.value)) }))
write_json_exact(x, "trained_random.json")

## the studentized range: a grid of R's own values
g <- expand.grid(q = c(.1, .5, 1, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 8, 10), k = c(2, 3, 5, 8, 9, 10, 12, 16, 20), df = c(2, 5, 10, 30, 99, 264.37, 891, 2205, 30000, Inf))
g$p_upper <- ptukey(g$q, g$k, g$df, lower.tail = FALSE)
gq <- expand.grid(p = c(.5, .8, .9, .95, .99, .999), k = c(2, 3, 8, 9, 10, 16, 20), df = c(5, 30, 99, 264.37, 891, 5391, Inf))
gq$q <- qtukey(gq$p, gq$k, gq$df)
write_json_exact(list(ptukey = g, qtukey = gq), "studentized_range.json")
writeLines(capture.output(print(sessionInfo())), "sessionInfo.txt")
