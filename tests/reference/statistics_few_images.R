# Kenward and Roger's tests of all differences, for few images: tests/fixtures/statistics/few_images.{csv,json}.
#
#     Rscript tests/reference/statistics_few_images.R tests/fixtures/statistics
#
# R 4.2.2, lme4 1.1-31, pbkrtest 0.5.2, emmeans 1.8.4-1, jsonlite (Debian 12 packages). Three sets in one table, told apart by the first
# column: nine images with holes, twelve images whose variance between images is estimated as 0, and five images with one
# hole. The table with its eight decimals is the data, the random numbers are not.
suppressMessages({ library(lme4); library(emmeans); library(jsonlite) })
options(digits = 17)
emm_options(pbkrtest.limit = 1e6)
out <- commandArgs(trailingOnly = TRUE)[1]
set.seed(20268)

table_of <- function(set, images, methods, image_sd, residual_sd, holes) {
  d <- expand.grid(image = sprintf("i%02d", 1:images), method = methods, stringsAsFactors = FALSE)
  level <- setNames(seq(.15, .45, length.out = length(methods)), methods)
  own <- setNames(rnorm(images, 0, image_sd), sprintf("i%02d", 1:images))
  d$value <- level[d$method] + own[d$image] + rnorm(nrow(d), 0, residual_sd)
  if (image_sd == 0)                                # less than independent within an image
    d$value <- d$value - .9 * ave(d$value - level[d$method], d$image)
  if (holes > 0) d <- d[-sample(nrow(d), holes), ]
  d$value <- sprintf("%.8f", d$value)
  cbind(set = set, d)
}
data <- rbind(
  table_of("holes", 9, c("AVG", "GCAM", "GRAD", "SG", "UNET", "XRAI"), .12, .08, 11),
  table_of("singular", 12, c("AVG", "GCAM", "GRAD", "UNET"), 0, .1, 5),
  table_of("five", 5, c("AVG", "GRAD", "XRAI"), .2, .05, 1))
write.csv(data, file.path(out, "few_images.csv"), row.names = FALSE, quote = FALSE)
data <- read.csv(file.path(out, "few_images.csv"), stringsAsFactors = TRUE)

# the optimiser stopped far beyond lme4's default tolerance
tight <- lmerControl(optimizer = "nloptwrap",
  optCtrl = list(xtol_abs = 1e-14, ftol_abs = 1e-14, xtol_rel = 0, ftol_rel = 0, maxeval = 20000))
fits <- lapply(split(data, data$set), function(d) {
  d <- droplevels(d)
  m <- suppressMessages(lmer(value ~ method + (1 | image), d, control = tight))
  e <- emmeans(m, ~ method, lmer.df = "kenward-roger")
  plain <- as.data.frame(pairs(e, adjust = "none")); tukey <- as.data.frame(pairs(e, adjust = "tukey"))
  sides <- do.call(rbind, strsplit(as.character(plain$contrast), " - "))
  list(is_singular = isSingular(m), theta = unname(getME(m, "theta")),
       pairs = data.frame(a = sides[, 1], b = sides[, 2], estimate = plain$estimate, se = plain$SE, df = plain$df,
                          p = plain$p.value, p_tukey = tukey$p.value))
})
write(toJSON(fits, digits = NA, auto_unbox = TRUE, pretty = TRUE), file.path(out, "few_images.json"))
