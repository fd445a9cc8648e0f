#include "trainers/plots.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>

#include <cairo.h>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace trainers {
namespace {

struct Colour {
  double red, green, blue;
};
constexpr Colour paper{1, 1, 1};
constexpr Colour ink{0.13, 0.15, 0.19};
constexpr Colour grey{0.45, 0.48, 0.53};
constexpr Colour faint{0.90, 0.91, 0.93};
constexpr Colour bar_blue{0.22, 0.46, 0.75};
constexpr Colour accent{0.85, 0.37, 0.18};

// From nearly white over a middle blue to a dark one.
Colour shade(double part) {
  constexpr Colour light{0.955, 0.970, 0.990};
  constexpr Colour middle{0.42, 0.64, 0.85};
  constexpr Colour dark{0.03, 0.19, 0.42};
  const auto between = [](const Colour& a, const Colour& b, double t) {
    return Colour{a.red + (b.red - a.red) * t, a.green + (b.green - a.green) * t,
                  a.blue + (b.blue - a.blue) * t};
  };
  return part < 0.5 ? between(light, middle, part * 2) : between(middle, dark, part * 2 - 1);
}

enum class Align { left, centre, right };

class Canvas {
 public:
  Canvas(double width, double height)
      : surface_(cairo_image_surface_create(CAIRO_FORMAT_RGB24,
                                            static_cast<int>(std::lround(width * scale)),
                                            static_cast<int>(std::lround(height * scale)))),
        cairo_(cairo_create(surface_.get())) {
    cairo_scale(cairo_.get(), scale, scale);
    use(paper);
    cairo_paint(cairo_.get());
  }

  void fill_rectangle(double x, double y, double width, double height, const Colour& colour) {
    use(colour);
    cairo_rectangle(cairo_.get(), x, y, width, height);
    cairo_fill(cairo_.get());
  }

  void line(double x1, double y1, double x2, double y2, const Colour& colour, double width) {
    use(colour);
    cairo_set_line_width(cairo_.get(), width);
    cairo_move_to(cairo_.get(), x1, y1);
    cairo_line_to(cairo_.get(), x2, y2);
    cairo_stroke(cairo_.get());
  }

  void font(double size, bool is_bold = false) {
    cairo_select_font_face(cairo_.get(), "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo_.get(), size);
  }

  double width_of(const std::string& text) {
    cairo_text_extents_t extents;
    cairo_text_extents(cairo_.get(), text.c_str(), &extents);
    return extents.x_advance;
  }

  // `y` is the middle of the capital letters' height; `turn` is in radians, clockwise.
  void text(double x,
            double y,
            const std::string& text,
            Align align,
            const Colour& colour,
            double turn = 0) {
    cairo_text_extents_t height;
    cairo_text_extents(cairo_.get(), "H", &height);
    const double width = width_of(text);
    use(colour);
    cairo_save(cairo_.get());
    cairo_translate(cairo_.get(), x, y);
    cairo_rotate(cairo_.get(), turn);
    const double begin = align == Align::left ? 0 : align == Align::centre ? -width / 2 : -width;
    cairo_move_to(cairo_.get(), begin, height.height / 2);
    cairo_show_text(cairo_.get(), text.c_str());
    cairo_restore(cairo_.get());
  }

  void write(const std::filesystem::path& file) {
    const cairo_status_t status = cairo_surface_write_to_png(surface_.get(), file.c_str());
    if (status == CAIRO_STATUS_SUCCESS) return;
    throw sandbox::Error(sandbox::Code::invalid_state,
                         "The picture " + file.string() +
                             " cannot be written: " + cairo_status_to_string(status) + ".");
  }

 private:
  // Pixels a unit: sharp on screens with many.
  static constexpr double scale = 2;

  void use(const Colour& colour) {
    cairo_set_source_rgb(cairo_.get(), colour.red, colour.green, colour.blue);
  }

  struct FreeSurface {
    void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  };
  struct FreeCairo {
    void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
  };
  std::unique_ptr<cairo_surface_t, FreeSurface> surface_;
  std::unique_ptr<cairo_t, FreeCairo> cairo_;
};

constexpr std::size_t name_characters_max = 24;

std::string short_name(const std::string& name) {
  if (sandbox::utf8_length(name) <= name_characters_max) return name;
  return std::string(sandbox::utf8_prefix(name, name_characters_max - 1)) + "…";
}

double widest(const std::vector<std::string>& names, double size) {
  Canvas measure(1, 1);
  measure.font(size);
  double most = 0;
  for (const std::string& name : names) most = std::max(most, measure.width_of(name));
  return most;
}

std::string percent(double part, int digits = 1) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f%%", digits, part * 100);
  return text;
}

// How large the cells of a matrix of so many classes are, and the letters beside them.
struct Sizes {
  double cell;
  double name;
  double number;  // 0: no room for numbers
};
Sizes sizes_for(std::size_t classes) {
  if (classes <= 12) return {46, 12, 12};
  if (classes <= 24) return {30, 10.5, 9};
  if (classes <= 50) return {16, 9, 0};
  return {11, 7.5, 0};
}

void draw_scale(Canvas& canvas, double x, double y, double height) {
  constexpr int steps = 100;
  constexpr double width = 12;
  for (int i = 0; i < steps; ++i) {
    canvas.fill_rectangle(x, y + height * i / steps, width, height / steps + 0.5,
                          shade(1 - static_cast<double>(i) / (steps - 1)));
  }
  canvas.font(10);
  for (const double part : {0.0, 0.5, 1.0}) {
    canvas.text(x + width + 6, y + height * (1 - part), percent(part, 0), Align::left, grey);
  }
}

}  // namespace

void draw_confusion_matrix(const Confusion& confusion,
                           const std::vector<std::string>& classes,
                           const std::string& title,
                           const std::filesystem::path& file,
                           const std::string& counted) {
  const std::size_t count = confusion.classes();
  const Sizes sizes = sizes_for(count);
  std::vector<std::string> names;
  for (const std::string& name : classes) names.push_back(short_name(name));
  const double name_width = widest(names, sizes.name);
  const double side = sizes.cell * static_cast<double>(count);
  const double left = 44 + name_width + 10;
  const double top = 84;
  const double slant = -0.785;  // 45 degrees
  const double right = 84;
  const double bottom = 10 + name_width * 0.71 + 40;
  Canvas canvas(std::max(left + side + right, 380.0), top + side + bottom);

  canvas.font(17, true);
  canvas.text(44, 28, title, Align::left, ink);
  canvas.font(12);
  canvas.text(44, 52,
              "Accuracy " + percent(confusion.accuracy(), 2) + " of " +
                  std::to_string(confusion.total()) + " " + counted,
              Align::left, grey);

  for (std::size_t truth = 0; truth < count; ++truth) {
    const double y = top + sizes.cell * static_cast<double>(truth);
    const auto all = static_cast<double>(std::max<std::int64_t>(confusion.count_of(truth), 1));
    for (std::size_t predicted = 0; predicted < count; ++predicted) {
      const double x = left + sizes.cell * static_cast<double>(predicted);
      const std::int64_t cell = confusion.count(truth, predicted);
      const double part = static_cast<double>(cell) / all;
      canvas.fill_rectangle(x + 0.5, y + 0.5, sizes.cell - 1, sizes.cell - 1, shade(part));
      if (sizes.number > 0 && cell > 0) {
        canvas.font(sizes.number, truth == predicted);
        canvas.text(x + sizes.cell / 2, y + sizes.cell / 2, std::to_string(cell), Align::centre,
                    part > 0.45 ? paper : ink);
      }
    }
    canvas.font(sizes.name);
    canvas.text(left - 8, y + sizes.cell / 2, names[truth], Align::right, ink);
    canvas.text(left + sizes.cell * (static_cast<double>(truth) + 0.5) + 2, top + side + 12,
                names[truth], Align::right, ink, slant);
  }
  canvas.font(12, true);
  canvas.text(24, top + side / 2, "True class", Align::centre, grey, -1.5708);
  canvas.text(left + side / 2, top + side + bottom - 18, "Predicted class", Align::centre, grey);
  draw_scale(canvas, left + side + 20, top, std::min(side, 220.0));
  canvas.write(file);
}

void draw_bars(const std::vector<Bar>& bars,
               const std::string& title,
               const std::string& subtitle,
               std::optional<double> overall,
               const std::filesystem::path& file,
               double most) {
  const bool is_crowded = bars.size() > 30;
  const double row = is_crowded ? 15 : 26;
  const double letters = is_crowded ? 9 : 12;
  std::vector<std::string> names;
  for (const Bar& bar : bars) names.push_back(short_name(bar.name));
  const double left = 28 + widest(names, letters) + 12;
  const double width = 420;
  const double top = 84;
  const double height = row * static_cast<double>(bars.size());
  Canvas canvas(left + width + 120, top + height + 46);

  canvas.font(17, true);
  canvas.text(28, 28, title, Align::left, ink);
  canvas.font(12);
  canvas.text(28, 52, subtitle, Align::left, grey);

  canvas.font(10);
  for (int fifth = 0; fifth <= 5; ++fifth) {
    const double x = left + width * fifth / 5;
    canvas.line(x, top - 4, x, top + height + 4, faint, 1);
    canvas.text(x, top + height + 18, percent(most * fifth / 5, 0), Align::centre, grey);
  }
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double y = top + row * static_cast<double>(i);
    const double length = width * std::clamp(bars[i].value / most, 0.0, 1.0);
    canvas.fill_rectangle(left, y + row * 0.15, std::max(length, 1.0), row * 0.7, bar_blue);
    canvas.font(letters);
    canvas.text(left - 10, y + row / 2, names[i], Align::right, ink);
    const std::string value = percent(bars[i].value);
    canvas.text(left + length + 8, y + row / 2, value, Align::left, ink);
    const double value_width = canvas.width_of(value);
    canvas.font(letters - 2);
    canvas.text(left + length + 14 + value_width, y + row / 2, bars[i].note, Align::left, grey);
  }
  if (overall) {
    const double x = left + width * std::clamp(*overall / most, 0.0, 1.0);
    canvas.line(x, top - 6, x, top + height + 6, accent, 1.5);
    canvas.font(10, true);
    canvas.text(x, top - 14, "overall " + percent(*overall), Align::centre, accent);
  }
  canvas.write(file);
}

}  // namespace trainers
